import HTTPTypes
import Curl
import Foundation
import Testing

/// A TLS server of the `openssl` command with a certificate of its own; nil where the command is missing.
private final class TLSServer {
    let folder: URL
    let port: Int
    private let process: Process

    var certificate: String { folder.appendingPathComponent("cert.pem").path }

    init?() throws {
        let command = URL(fileURLWithPath: "/usr/bin/openssl")
        guard FileManager.default.isExecutableFile(atPath: command.path) else { return nil }
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let making = Process()
        making.executableURL = command
        making.currentDirectoryURL = folder
        making.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
            "-out",
            "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
        ]
        making.standardError = FileHandle.nullDevice
        try making.run()
        making.waitUntilExit()
        process = Process()
        process.executableURL = command
        process.currentDirectoryURL = folder
        process.arguments = ["s_server", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem", "-www"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // "ACCEPT 127.0.0.1:PORT" is said once it listens.
        var said = ""
        while true {
            let bytes = output.fileHandleForReading.availableData
            said += String(decoding: bytes, as: UTF8.self)
            let line = said.split(separator: "\n").first { $0.hasPrefix("ACCEPT") && said.contains("\(String($0))\n") }
            if let port = line.flatMap({ $0.split(separator: ":").last }).flatMap({ Int($0) }) {
                self.port = port
                return
            }
            if bytes.isEmpty { return nil }
        }
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }
}

@Suite(.timeLimit(.minutes(1))) struct CurlTLSTests {
    @Test func certificatesAreChecked() async throws {
        guard let server = try TLSServer() else {
            print("skipped: there is no openssl command")
            return
        }
        defer { server.stop() }
        let request = CurlRequest(method: "GET", url: "https://127.0.0.1:\(server.port)/")
        let strict = try CurlClient()
        #expect(await failureCode { try await strict.send(request) } == .tls)

        var trusting = CurlClient.Configuration()
        trusting.certificateAuthorityFile = server.certificate
        let response = try await CurlClient(trusting).send(request)
        #expect(response.status == 200)

        var careless = CurlClient.Configuration()
        careless.skipsCertificateVerification = true
        #expect(try await CurlClient(careless).send(request).status == 200)

        var misled = CurlClient.Configuration()
        misled.certificateAuthorityFile = server.folder.path + "/none.pem"
        #expect(await failureCode { try await CurlClient(misled).send(request) } == .tls)
    }
}
