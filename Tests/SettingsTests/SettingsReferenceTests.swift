import Foundation
import Testing

@testable import Settings

/// The reference page in the repository is what the schema says. `scripts/settings-reference` writes it anew.
@Suite struct SettingsReferenceTests {
    @Test func thePageIsUpToDate() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/SETTINGS.md")
        if ProcessInfo.processInfo.environment["SLUICE_TEST_WRITE_REFERENCE"] != nil {
            try SettingsReference.markdown.write(to: page, atomically: true, encoding: .utf8)
        }
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(text == SettingsReference.markdown, "docs/SETTINGS.md is stale: run scripts/settings-reference")
    }

    @Test func theHelpNamesEachSettingWithinOneHundredColumns() {
        let lines = SettingsHelp.text.split(separator: "\n").map(String.init)
        for setting in SettingsSchema.settings {
            #expect(lines.contains { $0.hasPrefix("  \(setting.name.flag) ") })
        }
        #expect(lines.allSatisfy { $0.count <= 100 && !$0.contains("`") })
    }

    @Test func explanationsAreSentences() {
        for setting in SettingsSchema.settings {
            #expect(
                setting.explanation.hasSuffix(".") && setting.explanation.first?.isUppercase == true, "\(setting.name)")
        }
    }
}
