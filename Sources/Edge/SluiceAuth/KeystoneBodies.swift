/// Bodies of the identity routes, letter for letter as Keystone v3 writes them (spec section 5.5).
enum KeystoneBodies {
    // MARK: Requests

    struct AuthRequest: Decodable {
        var auth: Auth

        struct Auth: Decodable {
            var identity: Identity
            var scope: Scope?
        }

        struct Identity: Decodable {
            var methods: [String]
            var password: Password?
            var token: Token?
            var accessKey: SignedBy?

            enum CodingKeys: String, CodingKey {
                case methods, password, token
                case accessKey = "hw_ak_sk"
            }
        }

        struct Password: Decodable {
            var user: User

            struct User: Decodable {
                var id: String?
                var name: String?
                var password: String
                var domain: Reference?
            }
        }

        struct Token: Decodable {
            var id: String
        }

        struct SignedBy: Decodable {
            var access: Key
            var secret: Key

            struct Key: Decodable {
                var key: String
            }
        }

        struct Scope: Decodable {
            var project: Project?
            var domain: Reference?

            struct Project: Decodable {
                var id: String?
                var name: String?
                var domain: Reference?
            }
        }

        struct Reference: Decodable {
            var id: String?
            var name: String?
        }
    }

    // MARK: Answers (member names go out in snake case)

    struct TokenAnswer: Encodable {
        var token: Token

        struct Token: Encodable {
            var methods: [String]
            var expiresAt: String
            var issuedAt: String
            var user: User
            var project: OwnedProject?
            var domain: Named?
            var roles: [Named]
            var catalog: [CatalogEntry]?
        }

        struct User: Encodable {
            var id: String
            var name: String
            var domain: Named
            var passwordExpiresAt: String
        }

        struct OwnedProject: Encodable {
            var id: String
            var name: String
            var domain: Named
        }
    }

    struct Named: Encodable {
        var id: String
        var name: String
    }

    struct CatalogEntry: Encodable {
        var id: String
        var type: String
        var name: String
        var endpoints: [Endpoint]

        struct Endpoint: Encodable {
            var id: String
            var interface: String
            var region: String
            var regionID: String
            var url: String
        }
    }

    struct CatalogAnswer: Encodable {
        var catalog: [CatalogEntry]
        var links: Links
    }

    struct ProjectsAnswer: Encodable {
        var projects: [Project]
        var links: Links

        struct Project: Encodable {
            var id: String
            var name: String
            var domainID: String
            var parentID: String
            var description: String
            var enabled: Bool
            var isDomain: Bool
        }
    }

    struct DomainsAnswer: Encodable {
        var domains: [Domain]
        var links: Links

        struct Domain: Encodable {
            var id: String
            var name: String
            var description: String
            var enabled: Bool
        }
    }

    struct Links: Encodable {
        var `self`: String
    }

    struct VersionsAnswer: Encodable {
        var versions: Values

        struct Values: Encodable {
            var values: [Version]
        }
    }

    struct VersionAnswer: Encodable {
        var version: Version
    }

    struct Version: Encodable {
        var id: String
        var status: String
        var updated: String
        var links: [Link]

        struct Link: Encodable {
            var rel: String
            var href: String
        }
    }

    struct CallerAnswer: Encodable {
        var accountID: String
        var principalID: String
        var principalURN: String
    }

    struct ErrorAnswer: Encodable {
        var error: Failure

        struct Failure: Encodable {
            var code: Int
            var message: String
            var title: String
        }
    }

    /// The service's own error body: both public spellings at once (spec section 6.1).
    struct ServiceErrorAnswer: Encodable {
        private let code: String
        private let text: String

        init(code: String, message: String) {
            self.code = code
            text = message
        }

        private enum CodingKeys: String, CodingKey {
            case errorCode, message
            case snakeCode = "error_code"
            case snakeMessage = "error_msg"
        }

        func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: CodingKeys.self)
            try members.encode(code, forKey: .errorCode)
            try members.encode(text, forKey: .message)
            try members.encode(code, forKey: .snakeCode)
            try members.encode(text, forKey: .snakeMessage)
        }
    }
}
