import Foundation
import HTTPServer
import HTTPTypes
import Testing

/// Over TLS, with the system's openssl and Python as clients.
@Suite struct SecureServerTests {
    final class Identity: Sendable {
        let folder: URL
        var certificate: HTTPServerConfiguration.Certificate {
            .init(
                chainPath: folder.appendingPathComponent("chain.pem").path,
                keyPath: folder.appendingPathComponent("key.pem").path)
        }

        /// Off the cooperative pool, which other tests need while openssl runs.
        static func make() async throws -> Identity {
            try await onThread { Result { try Identity() } }.get()
        }

        private init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("edge-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let certificate = certificate
            let (status, _) = try run([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout",
                certificate.keyPath, "-out", certificate.chainPath,
            ])
            guard status == 0 else { throw RawClient.Failure(description: "openssl: \(status)") }
        }

        deinit { try? FileManager.default.removeItem(at: folder) }
    }

    @Test func requestsOfEverySizeOverTLS() async throws {
        let identity = try await Identity.make()
        try await withServer(configure: { $0.certificate = identity.certificate }) { server in
            let script = """
                import http.client, ssl, sys
                context = ssl.create_default_context(cafile=sys.argv[2])
                client = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[1]), context=context, timeout=20)
                for count in (0, 1, 5000, 70000, 3000000, 2):
                    body = bytes(i * 7 & 255 for i in range(256)) * (count // 256 + 1)
                    body = body[:count]
                    client.request('PUT', '/s', body)
                    answer = client.getresponse()
                    assert answer.status == 200 and answer.getheader('X-Secure') == 'true'
                    assert answer.read() == body, count
                print(client.sock.version())
                """
            let (status, output) = try run(["python3", "-c", script, "\(server.port)", identity.certificate.chainPath])
            #expect(status == 0, "\(output)")
            #expect(output.contains("TLSv1.3"))
        }
    }

    @Test func tooLargeBodyIsToldOverTLS() async throws {
        let identity = try await Identity.make()
        try await withServer(configure: {
            $0.certificate = identity.certificate
            $0.maxBodyBytes = 1000
        }) { server in
            let script = """
                import http.client, ssl, sys
                context = ssl.create_default_context(cafile=sys.argv[2])
                client = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[1]), context=context, timeout=20)
                client.request('PUT', '/s', b'x' * 8000000)
                print(client.getresponse().status)
                """
            let (status, output) = try run(["python3", "-c", script, "\(server.port)", identity.certificate.chainPath])
            #expect(status == 0 && output.contains("413"), "\(output)")
        }
    }

    @Test(arguments: [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)])
    func versions(option: String, isServed: Bool) async throws {
        let identity = try await Identity.make()
        try await withServer(configure: { $0.certificate = identity.certificate }) { server in
            let (status, _) = try run(["openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", option])
            #expect((status == 0) == isServed)
        }
    }

    @Test func plainTextOnATLSPortIsClosed() async throws {
        let identity = try await Identity.make()
        try await withServer(configure: { $0.certificate = identity.certificate }) { server in
            let client = try RawClient(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            try client.waitForClose()
            let silent = try RawClient(port: server.port)
            silent.endSending()
            try silent.waitForClose()
        }
    }

    @Test func filesThatCannotBeUsed() async throws {
        let identity = try await Identity.make()
        let other = try await Identity.make()
        let good = identity.certificate
        for (chain, key) in [
            ("/nowhere", good.keyPath), (good.chainPath, "/nowhere"), (good.keyPath, good.chainPath),
            (good.chainPath, other.certificate.keyPath),
        ] {
            var configuration = HTTPServerConfiguration(refusal: refusalBody)
            configuration.certificate = .init(chainPath: chain, keyPath: key)
            let error = #expect(throws: HTTPServerError.self) {
                try HTTPServer(configuration: configuration, handler: echo)
            }
            #expect(error?.code == .cannotListen)
        }
    }
}

/// Runs a command to its end, with nothing to read; its status and all that it wrote.
private func run(_ command: [String]) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}
