//! DescribeConfigs, AlterConfigs, IncrementalAlterConfigs (KIP-339) and ListConfigResources (KIP-1142).

use crate::codec::message;

message! {
    pub struct DescribeConfigsRequest: 1..=4, flexible 4 {
        resources: Vec<DescribeConfigsResource>,
        include_synonyms: bool,
        include_documentation: bool [3..],
    }

    /// Null keys are all keys.
    pub struct DescribeConfigsResource {
        resource_type: i8,
        resource_name: String,
        configuration_keys: Option<Vec<String>> [null],
    }

    /// Replaces all of a resource's settings.
    pub struct AlterConfigsRequest: 0..=2, flexible 2 {
        resources: Vec<AlterConfigsResource>,
        validate_only: bool,
    }

    pub struct AlterConfigsResource {
        resource_type: i8,
        resource_name: String,
        configs: Vec<AlterableConfig>,
    }

    pub struct AlterableConfig {
        name: String,
        value: Option<String> [null],
    }

    /// Changes single settings: operations are 0 SET, 1 DELETE, 2 APPEND, 3 SUBTRACT.
    pub struct IncrementalAlterConfigsRequest: 0..=1, flexible 1 {
        resources: Vec<IncrementalAlterConfigsResource>,
        validate_only: bool,
    }

    pub struct IncrementalAlterConfigsResource {
        resource_type: i8,
        resource_name: String,
        configs: Vec<IncrementalAlterableConfig>,
    }

    pub struct IncrementalAlterableConfig {
        name: String,
        config_operation: i8,
        value: Option<String> [null],
    }

    /// No types asks for every kind of resource; version 0 knows client metrics only.
    pub struct ListConfigResourcesRequest: 0..=1, flexible 0 {
        resource_types: Vec<i8> [1..],
    }
}
