internal import Settings
internal import Terminal

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a person reads when the server is ready.
enum Welcome {
    static func text(_ server: Server, project: String, environment: [String: String]) -> String {
        let program = programPath
        // The commands find a local server by its data directory; only one at another place has to be named.
        let isDefault =
            (try? Settings.load(arguments: [], environment: environment))?.settings.dataDirectory
            == server.settings.dataDirectory
        let directory = absolutePath(server.settings.dataDirectory)
        let place = isDefault ? "" : " --data-dir \(quoted(directory))"
        let pages = server.pagesEndpoint.map { "\n  metrics      \($0)/metrics" } ?? ""
        return """
            Sluice \(productVersion) is ready.

              endpoint     \(server.endpoint)
              project id   \(project)\(pages)
              credentials  \(absolutePath(server.directory.credentials)) (for you alone)

            Try this in another terminal:

              \(program) stream create demo --partitions 2\(place)
              echo 'hello' | \(program) record put demo\(place)
              \(program) record get demo --at earliest\(place)

            and have it delivered within half a minute, to files in \(absolutePath(server.directory.buckets))/lake
            unless you have added a destination:

              \(program) task create obs demo to-lake --bucket lake --from earliest --interval 30\(place)

            Stop with Ctrl-C.

            """
    }

    /// The word as a shell takes it for one.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
        if isPlain { return word }
        let parts = word.split(separator: "'", omittingEmptySubsequences: false)
        return "'" + parts.joined(separator: #"'\''"#) + "'"
    }

    private static var programPath: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return "sluice" }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
