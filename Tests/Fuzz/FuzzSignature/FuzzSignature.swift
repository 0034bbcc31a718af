// Feeds arbitrary requests and Authorization headers into the signature verifier. It fails by a trap, by a forged
// signature that is accepted, or by an honest one, made over the same request with the right secret, that is refused.

import Crypto
import HTTPTypes
import SluiceCore

@testable import SluiceAuth

private let secret = Array("the-secret-that-the-fuzzer-does-not-know".utf8)
private let verifier = SignatureVerifier(hostAlternatives: ["other.example.test"])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSignature(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    // Fields: authorization, method, target, host, date, another header's value, body.
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    let parts = input.split(separator: 0, maxSplits: 6, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    func part(_ index: Int) -> String { index < parts.count ? parts[index] : "" }
    _ = CivilTime(basic: part(4))
    var request = HTTPRequest(
        method: part(1), target: part(2),
        headers: HTTPFields([
            ("Host", part(3)), ("X-Sdk-Date", part(4)), ("X-Other", part(5)), ("X-Sdk-Content-Sha256", part(5)),
        ]), body: HTTPBody(part(6)))
    guard let claimed = try? Authorization(parsing: part(0)) else { return 0 }
    precondition(!verifier.isRight(request, claimed, dateTime: part(4), secret: secret), "a forged signature passed")
    request.headers["X-Sdk-Content-Sha256"] = nil
    let names = ["host", "x-other", "x-sdk-date"]
    let bodyHash = Hex.digits(Hash.sha256(request.body.array))
    let text = CanonicalRequest(request, form: claimed.form, signedHeaders: names, bodyHash: bodyHash)
        .text(CanonicalRequest.Variant(host: part(3).trimmingBlanks))
    let toSign = verifier.stringToSign(claimed, part(4), text)
    let signature = Hex.encode(HMAC.sha256(key: SigningKeys.derive(claimed, secret), toSign))
    let form =
        claimed.form == .access ? "Access=\(claimed.accessKey)" : "Credential=\(claimed.accessKey)/\(claimed.scope)"
    let header =
        "\(claimed.algorithm.rawValue) \(form), SignedHeaders=\(names.joined(separator: ";")), Signature=\(signature)"
    guard let honest = try? Authorization(parsing: header) else { preconditionFailure("an honest header was refused") }
    precondition(
        verifier.isRight(request, honest, dateTime: part(4), secret: secret), "an honest signature was refused")
    return 0
}
