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
        let place = isDefault ? "" : " --data-dir \(server.settings.dataDirectory)"
        return """
            Sluice \(productVersion) is ready.

              endpoint     \(server.endpoint)
              project id   \(project)
              credentials  \(server.directory.credentials) (for you alone)

            Try this in another terminal:

              \(program) stream create demo --partitions 2\(place)
              echo 'hello' | \(program) record put demo\(place)
              \(program) record get demo --at earliest\(place)

            Stop with Ctrl-C.

            """
    }

    private static var programPath: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return "sluice" }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
