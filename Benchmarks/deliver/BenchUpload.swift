import Curl
import Glibc
import ObjectStorage
import SluiceCore
import SluicePorts
import SluiceSinkObject

/// Uploads a file's bytes as objects with the client code that deliveries use, several at once, without reading back.
///
///     BenchUpload FILE OBJECTS PARALLEL BUCKET (folder DIR | endpoint HOST:PORT REGION ACCESS_KEY SECRET_KEY)
///
/// Each object holds the whole file. Prints one JSON object with bytes and seconds.
@main
struct BenchUpload {
    static let pieceSize = 1 << 20

    static func main() async throws {
        let words = CommandLine.arguments
        guard words.count > 6, let objects = Int(words[2]), let parallel = Int(words[3]) else {
            print("usage: BenchUpload FILE OBJECTS PARALLEL BUCKET folder DIR | endpoint HOST:PORT REGION AK SK")
            exit(2)
        }
        let sink = try sink(words)
        try await sink.prepare()
        let clock = SystemTime()
        let began = clock.elapsed()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<objects {
                if number >= parallel { try await group.next() }
                group.addTask { try await upload(words[1], as: "raw/\(number)", to: sink) }
            }
            try await group.waitForAll()
        }
        let (seconds, attoseconds) = (clock.elapsed() - began).components
        let file = try FileBytes(words[1])
        print("{\"bytes\":\(file.length * objects),\"seconds\":\(Double(seconds) + Double(attoseconds) / 1e18)}")
    }

    static func sink(_ words: [String]) throws -> any ObjectSink {
        let rule: ObjectDestinations.Rule
        if words[5] == "folder" {
            rule = .init(place: .folder(words[6]))
        } else {
            let endpoint = ObjectEndpoint(
                isSecure: false, authority: words[6], region: words[7], accessKey: words[8], secretKey: words[9])
            rule = .init(place: .endpoint(endpoint, try CurlClient()))
        }
        guard let project = ProjectID("00000000000000000000000000000000") else { exit(2) }
        return try ObjectDestinations([rule], otherwise: "/nonexistent", time: SystemTime())
            .sink(project: project, agency: "bench", bucket: words[4])
    }

    static func upload(_ path: String, as key: String, to sink: any ObjectSink) async throws {
        let file = try FileBytes(path)
        try await sink.write(key, body: ObjectBody(length: file.length) { try await file.next() })
    }
}

/// A file read piece by piece.
actor FileBytes {
    struct Failure: Error {}

    nonisolated let length: Int
    private let descriptor: CInt

    init(_ path: String) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var facts = stat()
        guard descriptor >= 0, fstat(descriptor, &facts) == 0 else { throw Failure() }
        length = Int(facts.st_size)
    }

    deinit { close(descriptor) }

    func next() throws -> [UInt8]? {
        let piece = try [UInt8](unsafeUninitializedCapacity: BenchUpload.pieceSize) { buffer, count in
            let got = read(descriptor, buffer.baseAddress, buffer.count)
            guard got >= 0 else { throw Failure() }
            count = got
        }
        return piece.isEmpty ? nil : piece
    }
}
