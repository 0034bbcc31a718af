package import Terminal

/// The commands that speak the public API over HTTP: `stream`, `record`, `app`, `checkpoint`, `task` and `token`.
///
/// They know nothing of the server's inside; the executable mounts them beside its own commands.
package func clientCommands() -> [Command] {
    [streamCommand, recordCommand, appCommand, checkpointCommand, taskCommand, tokenCommand]
}
