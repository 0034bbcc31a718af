internal import Crypto
internal import FoundationEssentials
package import SluiceCore
package import SluiceStreams

/// What a cursor says: a position in one partition of one stream, and when it was issued.
package struct CursorContent: Sendable, Equatable {
    package let streamID: StreamID
    package let streamName: String
    package let position: ReadPosition
    package let issuedAt: Timestamp

    package init(streamID: StreamID, streamName: String, position: ReadPosition, issuedAt: Timestamp) {
        self.streamID = streamID
        self.streamName = streamName
        self.position = position
        self.issuedAt = issuedAt
    }
}

/// Cursors as callers see them: base64url of JSON in the public service's flavour, with the stream's id and a truncated
/// HMAC so that nobody can forge a position. Stateless: they outlive a restart (spec section 3.5).
package struct CursorCodec: Sendable {
    private let key: [UInt8]
    /// Hexadecimal digits of the authentication code: 128 bits.
    private static let codeLength = 32
    /// Longest cursor (spec section 1.2).
    private static let maximumLength = 512

    /// - Parameter key: 32 random bytes that stay the same over restarts.
    package init(key: [UInt8]) {
        self.key = key
    }

    package func encode(_ content: CursorContent) -> String {
        // All texts come from the server's own alphabets, so that nothing needs an escape.
        let head =
            #"{"getIteratorParam":{"stream-name":""# + content.streamName + #"","partition-id":""#
            + content.position.partition.description
            + #"","cursor-type":"AT_SEQUENCE_NUMBER","starting-sequence-number":""# + content.position.next.description
            + #""},"generateTimestamp":"# + content.issuedAt.description + #","sid":""# + content.streamID.text + "\""
        return Base64.encode(Array((head + #","m":""# + code(of: head) + "\"}").utf8), .urlSafe)
    }

    private func code(of text: String) -> String {
        String(Hex.encode(HMAC.sha256(key: key, text)).prefix(Self.codeLength))
    }

    private struct Wire: Decodable {
        struct Parameters: Decodable {
            let name: String
            let partition: String
            let number: String

            enum CodingKeys: String, CodingKey {
                case name = "stream-name"
                case partition = "partition-id"
                case number = "starting-sequence-number"
            }
        }

        let getIteratorParam: Parameters
        let generateTimestamp: Int64
        let sid: String
        let m: String
    }

    /// Reads a cursor; throws `invalidCursor` for whatever this server did not write.
    package func decode(_ text: String) throws(StreamsError) -> CursorContent {
        guard text.utf8.count <= Self.maximumLength, let bytes = Base64.decode(text),
            let wire = try? JSONDecoder().decode(Wire.self, from: Data(bytes)),
            let partition = PartitionNumber(parsing: wire.getIteratorParam.partition),
            let number = Int64(wire.getIteratorParam.number)
        else { throw StreamsError(.invalidCursor) }
        let content = CursorContent(
            streamID: StreamID(wire.sid), streamName: wire.getIteratorParam.name,
            position: ReadPosition(partition: partition, next: SequenceNumber(number)),
            issuedAt: Timestamp(milliseconds: wire.generateTimestamp))
        // The canonical text of the same content must be the very cursor: that checks the code and every byte.
        guard SecureBytes.equal(encode(content), text) else { throw StreamsError(.invalidCursor) }
        return content
    }
}
