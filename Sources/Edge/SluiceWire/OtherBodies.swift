package import SluiceCore

// Bodies of tags, policies, metrics, quotas and schemas, letter for letter (spec sections 2.6, 2.7 and 2.9).

package struct CreateTagBody: Decodable, Sendable {
    package let tag: TagBody?
}

package struct TagsActionBody: Decodable, Sendable {
    package let action: String?
    package let tags: [TagBody]?
}

package struct ShowTagsAnswer: Encodable, Sendable {
    package let tags: [TagAnswer]
    /// Left out when there are none.
    package let sys_tags: [TagAnswer]?

    package init(tags: [TagAnswer], sys_tags: [TagAnswer]?) {
        self.tags = tags
        self.sys_tags = sys_tags
    }
}

package struct TagValuesAnswer: Encodable, Sendable {
    package let key: String
    package let values: [String]

    package init(key: String, values: [String]) {
        self.key = key
        self.values = values
    }
}

package struct ListTagsAnswer: Encodable, Sendable {
    package let tags: [TagValuesAnswer]
    package init(tags: [TagValuesAnswer]) { self.tags = tags }
}

package struct TagConditionBody: Decodable, Sendable {
    package let key: LenientString?
    package let values: [LenientString]?
}

/// `matches` comes as an array, as JSON text or as one object (spec section 2.6): kept as a value.
package struct SearchByTagsBody: Decodable, Sendable {
    package let action: String?
    package let limit: LenientInt?
    package let offset: LenientInt?
    package let tags: [TagConditionBody]?
    package let tags_any: [TagConditionBody]?
    package let not_tags: [TagConditionBody]?
    package let not_tags_any: [TagConditionBody]?
    package let matches: JSONValue?
}

package struct ResourceAnswer: Encodable, Sendable {
    package let resource_id: String
    package let resource_name: String
    package let tags: [TagAnswer]

    package init(resource_id: String, resource_name: String, tags: [TagAnswer]) {
        self.resource_id = resource_id
        self.resource_name = resource_name
        self.tags = tags
    }

    private enum CodingKeys: String, CodingKey {
        case resource_id, resource_name, resource_detail, tags
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(resource_id, forKey: .resource_id)
        try container.encode(resource_name, forKey: .resource_name)
        try container.encodeNil(forKey: .resource_detail)
        try container.encode(tags, forKey: .tags)
    }
}

package struct SearchByTagsAnswer: Encodable, Sendable {
    /// Left out for `count`.
    package let resources: [ResourceAnswer]?
    package let total_count: Int

    package init(resources: [ResourceAnswer]?, total_count: Int) {
        self.resources = resources
        self.total_count = total_count
    }
}

package struct PolicyBody: Decodable, Sendable {
    package let stream_id: LenientString?
    package let principal_name: String?
    package let principal_id: LenientString?
    package let action_type: String?
    package let effect: String?
}

package struct PolicyAnswer: Encodable, Sendable {
    package let principal: String
    package let principal_name: String
    package let action_type: String
    package let effect: String

    package init(principal: String, principal_name: String, action_type: String, effect: String) {
        self.principal = principal
        self.principal_name = principal_name
        self.action_type = action_type
        self.effect = effect
    }
}

/// Both spellings of the id: `stream_id` for v3, `streamId` as the documentation's sample has it.
package struct ListPoliciesAnswer: Encodable, Sendable {
    package let stream_id: String
    package let streamId: String
    package let rules: [PolicyAnswer]

    package init(stream_id: String, rules: [PolicyAnswer]) {
        self.stream_id = stream_id
        streamId = stream_id
        self.rules = rules
    }
}

package struct MetricPointAnswer: Encodable, Sendable {
    package let timestamp: Int64
    package let value: Int

    package init(timestamp: Int64, value: Int) {
        self.timestamp = timestamp
        self.value = value
    }
}

/// Both spellings of the points: `dataPoints` for most clients, `data_points` for OTC's Go client.
package struct MetricAnswer: Encodable, Sendable {
    package let label: String
    package let dataPoints: [MetricPointAnswer]
    package let data_points: [MetricPointAnswer]

    package init(label: String, points: [MetricPointAnswer]) {
        self.label = label
        dataPoints = points
        data_points = points
    }
}

package struct MetricsAnswer: Encodable, Sendable {
    package let metrics: MetricAnswer
    package let metrics_list: [MetricAnswer]

    package init(metrics: MetricAnswer, metrics_list: [MetricAnswer]) {
        self.metrics = metrics
        self.metrics_list = metrics_list
    }
}

package struct QuotaAnswer: Encodable, Sendable {
    package let type: String
    package let quota: Int
    package let used: Int

    package init(type: String, quota: Int, used: Int) {
        self.type = type
        self.quota = quota
        self.used = used
    }
}

package struct QuotasAnswer: Encodable, Sendable {
    package struct Resources: Encodable, Sendable {
        package let resources: [QuotaAnswer]
    }

    package let quotas: Resources
    package init(resources: [QuotaAnswer]) { quotas = Resources(resources: resources) }
}

package struct SourceSampleBody: Decodable, Sendable {
    package let source_data_sample: String?
}

package struct SchemaAnswer: Encodable, Sendable {
    package let schema: String
    package init(schema: String) { self.schema = schema }
}

package struct FileStateAnswer: Encodable, Sendable {
    package let stream_name: String
    package let file_name: String
    package let deliver_data_id: String
    package let state: String

    package init(stream_name: String, file_name: String, deliver_data_id: String, state: String) {
        self.stream_name = stream_name
        self.file_name = file_name
        self.deliver_data_id = deliver_data_id
        self.state = state
    }
}
