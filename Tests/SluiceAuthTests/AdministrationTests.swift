import Crypto
import Foundation
import HTTPTypes
import SluiceCatalog
import SluiceCore
import SluiceTesting
import Testing

@testable import SluiceAuth

@Suite struct AdministrationTests {
    private let passwords = PasswordWorker(cost: .minimal)

    private func administration(_ world: World) -> IdentityAdministration {
        IdentityAdministration(catalog: world.catalog, sealing: world.sealing, passwords: passwords)
    }

    private func signed(_ credentials: Credentials, at now: Timestamp) -> HTTPRequest {
        signed(credentials.accessKey, credentials.secretKey, credentials.projectID, now)
    }

    private func signed(_ accessKey: String, _ secret: String, _ project: String, _ now: Timestamp) -> HTTPRequest {
        let date = CivilTime(now).basic
        let text = "GET\n/v2/\(project)/streams/\n\nx-sdk-date:\(date)\n\nx-sdk-date\n" + Hex.encode(Hash.sha256([]))
        let signature = Hex.encode(
            HMAC.sha256(
                key: Array(secret.utf8), "SDK-HMAC-SHA256\n\(date)\n" + Hex.encode(Hash.sha256(Array(text.utf8)))))
        return HTTPRequest(
            method: "GET", target: "/v2/\(project)/streams",
            headers: HTTPFields([
                ("X-Sdk-Date", date),
                (
                    "Authorization",
                    "SDK-HMAC-SHA256 Access=\(accessKey), SignedHeaders=x-sdk-date, Signature=\(signature)"
                ),
            ]))
    }

    @Test func aNewProjectWorksAtOnceInARunningServerAndIsIsolated() async throws {
        let world = try await World()
        let credentials = try await administration(world).addProject(
            named: "second", endpoint: "http://e", region: "region1")
        #expect(credentials.domainName == "default-domain" && credentials.projectName == "second")
        #expect(
            credentials.endpoint == "http://e" && credentials.region == "region1" && credentials.userName == "second")
        let authenticator = world.authenticator
        let request = signed(credentials, at: world.time.now())
        #expect(authenticator.verify(request, now: world.time.now()).refusal == .unknownAccessKey)
        let caller = try await authenticator.authenticate(request, now: world.time.now()).get()
        #expect(caller.projectName == "second")
        #expect(caller.project(path: World.project, header: nil).refusal == .foreignProject)
        #expect(caller.project(path: credentials.projectID, header: World.project).refusal == .foreignProject)
        #expect(try caller.project(path: credentials.projectID, header: nil).get().text == credentials.projectID)
    }

    @Test func disablingAndRemovingEndsAccess() async throws {
        let world = try await World()
        let administration = administration(world)
        let authenticator = world.authenticator
        let credentials = try await administration.addProject(named: "second", endpoint: "", region: "r")
        func refusal() async throws -> AuthError.Code? {
            try await world.directory.refresh()
            return authenticator.verify(signed(credentials, at: world.time.now()), now: world.time.now()).refusal
        }
        #expect(try await refusal() == nil)
        try await administration.setProject("second", enabled: false)
        #expect(try await refusal() == .forbidden)
        try await administration.setProject(credentials.projectID, enabled: true)
        #expect(try await refusal() == nil)
        try await administration.setUser("second", enabled: false)
        #expect(try await refusal() == .forbidden)
        try await administration.setUser("second", enabled: true)
        try await administration.setAccessKey(credentials.accessKey, enabled: false)
        #expect(try await refusal() == .unknownAccessKey)
        try await administration.setAccessKey(credentials.accessKey, enabled: true)
        #expect(try await refusal() == nil)
        try await administration.removeAccessKey(credentials.accessKey)
        #expect(try await refusal() == .unknownAccessKey)
        try await administration.removeProject("second")
        #expect(try await administration.projects().map(\.name) == ["region1"])
        #expect(try await administration.users().map(\.name) == ["sluice"])
        _ = try await administration.addProject(named: "second", endpoint: "", region: "r")
    }

    @Test func aNewPasswordOrADisabledUserEndsTokens() async throws {
        let world = try await World()
        let administration = administration(world)
        let authenticator = world.authenticator
        let snapshot = world.directory.snapshot
        let user = try #require(snapshot.user(named: "sluice", domainID: World.domainID))
        let claims = Tokens.Claims(
            userID: user.id, scope: .domain(World.domainID), methods: ["password"], epoch: user.tokenEpoch,
            issued: world.time.now(), expires: world.time.now() + Authenticator.Settings().tokenLife)
        let request = HTTPRequest(
            method: "GET", target: "/", headers: HTTPFields([("X-Auth-Token", authenticator.tokens.seal(claims))]))
        #expect(authenticator.verify(request, now: world.time.now()).refusal == nil)
        let password = try await administration.setPassword("sluice")
        try await world.directory.refresh()
        #expect(authenticator.verify(request, now: world.time.now()).refusal == .invalidToken)
        let checker = PasswordChecker(worker: passwords)
        let fresh = world.directory.snapshot.users[user.id]
        #expect(await checker.check(password, of: fresh, from: "a", now: world.time.now()) == .right)
        #expect(await checker.check(password, of: fresh, from: "a", now: world.time.now()) == .right)
        #expect(await checker.check("example-password", of: fresh, from: "a", now: world.time.now()) == .wrong)
    }

    @Test func usersAndKeys() async throws {
        let world = try await World()
        let administration = administration(world)
        let (user, password) = try await administration.addUser(named: "reader", project: "region1")
        #expect(password.utf8.count == 24 && user.projects.map(\.text) == [World.project])
        let key = try await administration.addAccessKey(user: "reader")
        try await world.directory.refresh()
        let request = signed(key.accessKey, key.secretKey, World.project, world.time.now())
        #expect(try world.authenticator.verify(request, now: world.time.now()).get().userName == "reader")
        #expect(try await administration.accessKeys().count == 2)
        try await administration.removeUser("reader")
        #expect(try await administration.accessKeys().map(\.id) == [World.accessKey])
        for _ in 1..<IdentityLimits.accessKeysPerUser { _ = try await administration.addAccessKey(user: "sluice") }
        await #expect(throws: IdentityError.self) { try await administration.addAccessKey(user: "sluice") }
    }

    @Test func refusals() async throws {
        let world = try await World()
        let administration = administration(world)
        func code(_ body: () async throws -> Void) async -> IdentityError.Code? {
            do { try await body() } catch { return (error as? IdentityError)?.code }
            return nil
        }
        #expect(await code { _ = try await administration.addProject(named: "", endpoint: "", region: "") } == .invalid)
        #expect(
            await code { _ = try await administration.addProject(named: "a/b", endpoint: "", region: "") } == .invalid)
        #expect(
            await code { _ = try await administration.addProject(named: "region1", endpoint: "", region: "") }
                == .alreadyExists)
        #expect(
            await code { _ = try await administration.addProject(named: "sluice", endpoint: "", region: "") }
                == .alreadyExists)
        #expect(await code { _ = try await administration.addUser(named: "x", project: "none") } == .notFound)
        #expect(
            await code { _ = try await administration.addUser(named: "x", project: "region1", password: "short") }
                == .invalid)
        #expect(await code { try await administration.setProject("none", enabled: true) } == .notFound)
        #expect(await code { try await administration.removeUser("none") } == .notFound)
        #expect(await code { try await administration.removeAccessKey("none") } == .notFound)
    }

    @Test func manyAtOnceAllHappen() async throws {
        let world = try await World()
        let administration = administration(world)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { _ = try await administration.addAccessKey(user: "sluice") } }
            try await group.waitForAll()
        }
        #expect(try await administration.accessKeys().count == 9)
    }

    @Test func aServerFollowsChangesOfOtherProcesses() async throws {
        let world = try await World()
        let running = Task { await world.directory.run() }
        _ = try await administration(world).addUser(named: "late", project: "region1")
        while world.directory.snapshot.users.count < 2 {
            while world.time.sleeperCount == 0 { await Task.yield() }
            world.time.advance(by: IdentityDirectory.pollInterval)
        }
        running.cancel()
        await running.value
        #expect(world.directory.snapshot.users.values.contains { $0.name == "late" })
    }

    @Test func anotherSealingKeyIsRefusedByName() async throws {
        let world = try await World()
        await #expect {
            _ = try await IdentityDirectory(catalog: world.catalog, sealing: .random(), time: world.time)
        } throws: {
            ($0 as? IdentityError)?.code == .damaged && "\($0)".contains("sealing key")
        }
    }
}

@Suite struct BootstrapTests {
    private let passwords = PasswordWorker(cost: .minimal)

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    @Test func firstStartMakesCredentialsAndLaterOnesKeepThem() async throws {
        try await withFolder { folder in
            let path = folder + "/credentials.json"
            let catalog = MemoryCatalog()
            let sealing = SealingKey.random()
            func prepare() async throws -> Bool {
                try await IdentityBootstrap.prepare(
                    catalog: catalog, sealing: sealing, passwords: passwords, region: "region1", credentialsPath: path)
            }
            #expect(try await prepare())
            try IdentityBootstrap.publish(endpoint: "http://127.0.0.1:1", region: "region1", credentialsPath: path)
            let first = try #require(try Credentials.read(path))
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            #expect(first.projectName == "region1" && first.endpoint == "http://127.0.0.1:1")
            #expect(first.projectID.utf8.count == 32 && first.secretKey.utf8.count == 40)
            let members = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
            #expect(
                members.keys.sorted() == [
                    "access_key", "domain_id", "domain_name", "endpoint", "password", "project_id", "project_name",
                    "region", "secret_key", "user_name",
                ])
            #expect(try await !prepare())
            try IdentityBootstrap.publish(endpoint: "http://127.0.0.1:2", region: "region1", credentialsPath: path)
            var second = try #require(try Credentials.read(path))
            #expect(second.endpoint == "http://127.0.0.1:2")
            second.endpoint = first.endpoint
            #expect(second == first)
            let directory = try await IdentityDirectory(catalog: catalog, sealing: sealing, time: ManualTime())
            #expect(directory.snapshot.signers[first.accessKey] != nil)
            // The catalog alone gives the secret key away nowhere.
            for entry in try await catalog.list(prefix: CatalogKey("identity/"), after: nil, limit: 100) {
                let text = String(decoding: entry.value, as: UTF8.self)
                #expect(!text.contains(first.secretKey) && !text.contains(first.password))
            }
        }
    }

    /// As after a crash between the file and the catalog, and after the loss of the catalog.
    @Test func anEmptyCatalogTakesTheFileOver() async throws {
        try await withFolder { folder in
            let path = folder + "/credentials.json"
            let sealing = SealingKey.random()
            var files: [Credentials?] = []
            for _ in 0..<2 {
                let catalog = MemoryCatalog()
                try await IdentityBootstrap.prepare(
                    catalog: catalog, sealing: sealing, passwords: passwords, region: "r", credentialsPath: path)
                let file = try Credentials.read(path)
                let directory = try await IdentityDirectory(catalog: catalog, sealing: sealing, time: ManualTime())
                #expect(directory.snapshot.signers[file?.accessKey ?? ""] != nil)
                files.append(file)
            }
            #expect(files[0] == files[1])
        }
    }

    @Test func aRemovedFileStaysRemoved() async throws {
        try await withFolder { folder in
            try IdentityBootstrap.publish(endpoint: "e", region: "r", credentialsPath: folder + "/credentials.json")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test(arguments: ["", "{}", "[1]"]) func aDamagedFileStopsTheFirstStart(text: String) async throws {
        try await withFolder { folder in
            let path = folder + "/credentials.json"
            try OwnerFile.replace(path, text: text)
            let catalog = MemoryCatalog()
            await #expect(throws: IdentityError.self) {
                try await IdentityBootstrap.prepare(
                    catalog: catalog, sealing: .random(), passwords: passwords, region: "r", credentialsPath: path)
            }
            #expect(try await catalog.list(prefix: CatalogKey(""), after: nil, limit: 1).isEmpty)
        }
    }
}
