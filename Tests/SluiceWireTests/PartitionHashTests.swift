import SluiceCore
import Testing

@Suite
struct PartitionHashTests {
    @Test(
        arguments: [
            ("a", 919_145_239_626_757_800), ("key1", 4_804_732_311_831_850_439), ("0", 5_750_288_053_043_553_775),
            ("中", 3_373_723_595_253_496_149),
        ] as [(String, UInt64)])
    func agreesWithPublicClients(key: String, hash: UInt64) {
        #expect(PartitionHash.of(key) == hash)
    }
}
