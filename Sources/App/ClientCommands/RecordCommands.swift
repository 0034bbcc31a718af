internal import Terminal

let recordCommand = Command(
    "record", abstract: "Put records into streams and read them.", subcommands: [putRecords, getRecords, tailRecords])
