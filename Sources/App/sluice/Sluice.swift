internal import ClientCommands
internal import Terminal

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The program: one tree of commands.
@main
enum Sluice {
    static func main() async {
        let environment = environmentVariables()
        let program = Program(
            name: "sluice",
            abstract: "Streams that deliver, on your own machine: a DIS-compatible server and its tools.",
            version: productVersion,
            commands: [ServeCommand.command] + clientCommands() + [
                ConvertCommands.command, DestinationCommands.command, AdminCommands.command, LogCommands.command,
            ])
        let code: ExitCode
        do {
            let console = try Console.standard(environment: environment)
            code = await program.run(Array(CommandLine.arguments.dropFirst()), on: console)
        } catch {
            code = .failure
        }
        exit(code.rawValue)
    }

    private static func environmentVariables() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let pair = unsafe String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return variables
    }
}
