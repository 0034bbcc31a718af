internal import SluicePorts

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A call on the file system that failed. Its path is for the server's log alone: users of the API name buckets and keys.
struct FolderFault: Error {
    let code: SinkError.Code
    let action: String
    let path: String
    let reason: String

    /// The fault that `errno` names.
    static func current(_ action: String, _ path: String) -> FolderFault {
        let number = errno
        let reason = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        let code: SinkError.Code =
            switch number {
            case EACCES, EPERM, EROFS: .accessDenied
            case ENOSPC, EDQUOT: .full
            case ENAMETOOLONG, ENOTDIR, EISDIR: .refused
            default: .unavailable
            }
        return FolderFault(code: code, action: action, path: path, reason: reason)
    }

    /// What users are told: bucket and key, and nothing of where the folder of buckets lies.
    func shown(below root: String) -> SinkError {
        let place = path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : "the folder of buckets"
        return SinkError(code, "cannot \(action) \(place): \(reason)")
    }
}
