internal import SluiceCore

/// What has to hold between settings, and of the files they name.
enum SettingsRules {
    static func problems(
        in settings: Settings, sources: [SettingName: String], readFile: (String) throws -> [UInt8]
    ) -> [SettingsError.Problem] {
        var problems: [SettingsError.Problem] = []
        func report(_ code: SettingsError.Code, _ name: String, _ message: String) {
            let name = SettingName(name)
            problems.append(.init(code: code, place: sources[name] ?? name.text, message: message))
        }
        func check(_ holds: Bool, _ name: String, _ message: String) {
            if !holds { report(.contradiction, name, message) }
        }

        let tls = settings.tls
        check(tls.certificateFile == nil || tls.keyFile != nil, "tls.certificate_file", "tls.key_file is missing")
        check(tls.keyFile == nil || tls.certificateFile != nil, "tls.key_file", "tls.certificate_file is missing")
        for (name, path) in [("tls.certificate_file", tls.certificateFile), ("tls.key_file", tls.keyFile)] {
            guard let path else { continue }
            do {
                _ = try readFile(path)
            } catch {
                report(.unreadableFile, name, "\(path) cannot be read: \(error)")
            }
        }
        for (name, address) in [("listen", settings.listen), ("metrics.listen", settings.metrics.listen)] {
            guard let address else { continue }
            check(
                address.isNumeric, name,
                "\(address.host) is no address; give one such as 127.0.0.1, or 0.0.0.0 for all of this machine")
        }
        if let metrics = settings.metrics.listen {
            check(
                metrics != settings.listen || metrics.port == 0, "metrics.listen",
                "is the same as listen; leave it out to serve both on one listener")
        }
        check(
            settings.http.bodyMemory >= settings.http.maxBody, "http.body_memory",
            "is smaller than http.max_body, so the largest allowed body would never fit")
        check(
            settings.http.maxConnectionsPerAddress <= settings.http.maxConnections
                || sources[SettingName("http.max_connections_per_address")] == nil,
            "http.max_connections_per_address", "is larger than http.max_connections")
        if let bytes = settings.storage.maxBytes {
            check(
                bytes.bytes >= 2 * settings.storage.segmentSize.bytes, "storage.max_bytes",
                "has to be at least twice storage.segment_size")
        }
        check(
            settings.streams.defaultFetchSize <= settings.streams.maxFetchSize, "streams.default_fetch_size",
            "is larger than streams.max_fetch_size")
        check(
            settings.transfer.memoryPerTask <= settings.transfer.memoryTotal, "transfer.memory_per_task",
            "is larger than transfer.memory_total")
        check(
            settings.transfer.retryPause <= settings.transfer.retryPauseMax, "transfer.retry_pause",
            "is larger than transfer.retry_pause_max")
        return problems
    }
}
