/// The page `docs/SETTINGS.md`, made from the schema.
package enum SettingsReference {
    package static var markdown: String {
        var text = """
            # Settings

            Generated from the schema in `Sources/App/Settings`; `scripts/settings-reference` writes it anew.

            Each setting has one name in three spellings: `transfer.minimum_deliver_interval` is

            - the flag `--transfer-minimum-deliver-interval 1s`,
            - the variable `SLUICE_TRANSFER_MINIMUM_DELIVER_INTERVAL=1s`,
            - and nested keys in the settings file that `--config FILE` or `SLUICE_CONFIG` names:

            ```yaml
            transfer:
              minimum_deliver_interval: 1s
            ```

            Flags win over variables, variables over the file. A name that does not exist is an error that names the nearest
            one that does. `sluice serve --check` checks everything and exits.

            Durations are written `250ms`, `30s`, `5m`, `1h30m`, `7d`, or as plain seconds; sizes `512KiB`, `64MiB`, `1GB`, or
            as plain bytes.

            """
        for group in SettingsSchema.groups {
            text += "\n## \(group.title)\n\n| Setting | Default | Allowed | |\n|---|---|---|---|\n"
            for setting in group.settings {
                text +=
                    "| `\(setting.name)` | `\(setting.defaultText)` | \(cell(setting.allowed)) | \(setting.explanation) |\n"
            }
        }
        text += """

            ## Destinations

            `destinations:` is a list in the settings file; transfer tasks deliver to the first entry whose `agency` and
            `project` fit, then to those of `sluice destination add` ([OPERATIONS.md](OPERATIONS.md)). Without one that fits,
            the bucket `b` is the folder `DATA_DIR/buckets/b`. Buckets of an endpoint have to exist, those of a folder are made
            on first use.

            ```yaml
            destinations:
              - type: obs
                agency: archive
                endpoint: https://obs.example.com
                region: region1
                access_key: AK
                secret_key_file: /etc/sluice/archive.key
              - type: obs
                folder: /srv/buckets
            ```

            | Member | |
            |---|---|

            """
        for member in DestinationReader.members { text += "| `\(member.name)` | \(member.explanation) |\n" }
        return text
    }

    private static func cell(_ text: String) -> String {
        String(text.flatMap { $0 == "|" ? "\\|" : String($0) })
    }
}
