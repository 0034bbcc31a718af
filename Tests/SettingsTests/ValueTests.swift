import SluiceCore
import Testing

@testable import Settings

@Suite struct ValueTests {
    @Test(arguments: [
        ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("7d", 604_800_000), ("45", 45_000),
        ("0", 0), ("0s", 0), ("1d2h3m4s5ms", 93_784_005),
    ])
    func durations(text: String, milliseconds: Int) throws {
        let duration = try #require(UnitText.duration(text))
        #expect(duration == .milliseconds(milliseconds))
        #expect(UnitText.duration(UnitText.print(duration)) == duration)
    }

    @Test(arguments: [
        "", " ", "s", "-1s", "+1s", "1 s", "1.5s", "1x", "1m1h", "1s1s", "30S", "1e3", "99999999999999999999s",
        "9223372036854775807d", "٣s", "1µs",
    ])
    func badDurations(text: String) {
        #expect(UnitText.duration(text) == nil)
    }

    @Test(arguments: [
        ("64MiB", 64 << 20), ("64 MiB", 64 << 20), ("1GiB", 1 << 30), ("1kB", 1000), ("2MB", 2_000_000), ("100", 100),
        ("3TiB", 3 << 40), ("7B", 7), ("0", 0),
    ])
    func sizes(text: String, bytes: Int) throws {
        let size = try #require(UnitText.size(text))
        #expect(size.bytes == bytes)
        #expect(UnitText.size(UnitText.print(size)) == size)
    }

    @Test(arguments: ["", "MiB", "64M", "64mib", "-1B", "1.5GiB", "64  MiB", "64MiB ", "9999999999TiB", "1 "])
    func badSizes(text: String) {
        #expect(UnitText.size(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1", 8080), ("localhost:0", "localhost", 0), ("[::1]:80", "::1", 80),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80), ("0.0.0.0:65535", "0.0.0.0", 65535),
    ])
    func addresses(text: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.host == host && Int(address.port) == port)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", ":", ":8080", "8080", "h:", "h:x", "h:-1", "h:+1", "h:65536", "::1:80", "[]:80", "[h]:80", "a b:80",
        "h:80 ",
        "http://h:80", "[::1]", "h/x:80",
    ])
    func badAddresses(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: [
        ("http://h", "http://h"), ("https://h:1/", "https://h:1"), ("http://[::1]:2", "http://[::1]:2"),
        ("https://[::1]", "https://[::1]"),
    ])
    func urls(text: String, printed: String) {
        #expect(ServiceURL(text)?.description == printed)
    }

    @Test(arguments: [
        "", "h", "ftp://h", "http://", "http:///", "http://h/x", "http://h:0", "http://h:x", "http://u@h", "http://h?x",
    ])
    func badURLs(text: String) {
        #expect(ServiceURL(text) == nil)
    }

    @Test(arguments: [("", "", 0), ("a", "", 1), ("abc", "acb", 1), ("abc", "abd", 1), ("kitten", "sitting", 3)])
    func distances(left: String, right: String, distance: Int) {
        #expect(NearestName.distance(Array(left.utf8), Array(right.utf8)) == distance)
    }
}
