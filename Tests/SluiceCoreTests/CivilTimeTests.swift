import Foundation
import SluiceCore
import Testing

@Suite struct CivilTimeTests {
    @Test(
        arguments: [
            (0, "19700101T000000Z"), (951_782_400, "20000229T000000Z"), (1_767_323_045, "20260102T030405Z"),
            (4_107_542_399, "21000228T235959Z"), (4_107_542_400, "21000301T000000Z"), (-1, "19691231T235959Z"),
            (-62_135_596_800, "00010101T000000Z"), (253_402_300_799, "99991231T235959Z"),
        ] as [(Int64, String)])
    func basicForm(seconds: Int64, text: String) {
        #expect(CivilTime(secondsSinceEpoch: seconds).basic == text)
        #expect(CivilTime(basic: text)?.timestamp == Timestamp(milliseconds: seconds * 1000))
    }

    @Test(arguments: [
        "", "20260102T030405", "20260102t030405Z", "20260102 030405Z", "2026-01-02T03:04Z", "20260102T0304056",
        "00000102T030405Z", "20260002T030405Z", "20261302T030405Z", "20260100T030405Z", "20260132T030405Z",
        "20260229T030405Z", "21000229T030405Z", "20260431T030405Z", "20260102T240405Z", "20260102T036005Z",
        "20260102T030460Z", "+0260102T030405Z", "2026010２T03040Z",
    ])
    func refuses(text: String) {
        #expect(CivilTime(basic: text) == nil)
    }

    @Test func otherForms() {
        let time = CivilTime(Timestamp(milliseconds: 1_767_323_045_999))
        #expect(time.extended == "2026-01-02T03:04:05Z")
        #expect(time.date(separator: "/") == "2026/01/02" && time.clock(separator: "") == "030405")
    }

    /// Every day from October 1582, where Foundation leaves the Julian calendar, to 2400, in both directions.
    @Test func agreesWithFoundation() throws {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(identifier: "GMT"))
        for day in stride(from: -141_400, through: 157_054, by: 1) {
            let seconds = day * 86_400 + (day & 0xFFFF)
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: Double(seconds)))
            let time = CivilTime(secondsSinceEpoch: Int64(seconds))
            guard time.year == parts.year, time.month == parts.month, time.day == parts.day, time.hour == parts.hour,
                time.minute == parts.minute, time.second == parts.second,
                CivilTime.daysSinceEpoch(year: time.year, month: time.month, day: time.day) == day,
                time.timestamp == Timestamp(milliseconds: Int64(seconds) * 1000)
            else {
                Issue.record("day \(day): \(time)")
                return
            }
        }
    }

    @Test(arguments: [(7, 3, 10, "007"), (1234, 3, 10, "1234"), (0xAB, 4, 16, "00ab"), (0, 1, 10, "0")])
    func padding(number: Int, width: Int, radix: Int, text: String) {
        #expect(number.padded(to: width, radix: radix) == text)
    }
}
