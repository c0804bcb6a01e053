//! Takes out of answers and words what is nobody's business: every field that the checker does not read, every
//! description, every tag but the name, account ids, and whatever secrets were at hand.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::aws::telling_lines;

/// The fields that are read. What is not named here is not kept, whatever AWS adds one day.
const KEPT: &str = "
    AWS AccepterVpcInfo Address Addresses AllocationId AllowDnsResolutionFromRemoteVpc Association AssociationId
    AssociationState Associations Attachment Attachments AvailabilityZone BlockPublicAccessStates
    CACertificateIdentifier CarrierGatewayId CertificateDetails Cidr
    CidrBlock CidrBlockAssociationSet CidrBlockSet CidrBlockState CidrIp CidrIpv4 CidrIpv6 Cidrs Code
    ConnectivityType CoreNetworkArn DBInstanceIdentifier DBInstanceStatus DBInstances DBName
    DBParameterGroupName DBParameterGroups DBSubnetGroup DBSubnetGroupName DBSubnetGroups Date Description
    DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId DeviceIndex Egress
    EgressOnlyInternetGatewayId EnableDnsHostnames EnableDnsSupport EnableVgwRoutePropagation Endpoint
    EngineVersion Entries Events ExclusionId From FromPort Gateway GatewayId GatewayLoadBalancer GroupId
    GroupName Groups IAMDatabaseAuthenticationEnabled IcmpTypeCode InstanceId InstanceStatus InstanceStatuses
    InstanceType Instances Interface InterfaceType InternetGatewayBlockMode InternetGatewayExclusionMode
    InternetGatewayId InternetGateways IpPermissions IpPermissionsEgress IpProtocol IpRanges Ipv6Address
    Ipv6Addresses Ipv6CidrBlock Ipv6CidrBlockAssociationSet Ipv6CidrBlockSet Ipv6CidrBlockState Ipv6Ranges
    IsDefault IsEgress KeyFingerprint KeyName KeyPairs LaunchTime LocalGatewayId Main ManagedPrefixLists Message
    MultiAZ Name NatGatewayAddresses NatGatewayId NatGateways NetworkAclId NetworkAcls NetworkInterfaceId
    NetworkInterfaceIds NetworkInterfaces NetworkType NotBefore OdbNetworkArn Options Origin Output OwnerId
    ParameterName ParameterValue Parameters PeeringOptions PeeringStatus Platform Port PortRange PrefixListId
    PrefixListIds PrefixListName PrefixLists Primary PrivateDnsName PrivateIp PrivateIpAddress
    PrivateIpAddresses Protocol PublicDnsName PublicIp PublicIpAddress PublicKey PubliclyAccessible
    ReferencedGroupInfo Region RequesterId RequesterVpcInfo Reservations ResourceArn ResourceId ResourceType
    RouteTableId RouteTables Routes RuleAction RuleNumber SecondaryAvailabilityZone
    SecurityGroupReferencingSupport SecurityGroupRuleId SecurityGroupRules SecurityGroups ServiceName
    SourceDestCheck SourceIdentifier SourceType State StateReason StateTransitionReason Status SubnetId
    SubnetIdentifier SubnetIds Subnets SystemStatus Timestamp To ToPort TransitGatewayAttachmentId
    TransitGatewayAttachments TransitGatewayId TransitGatewayRouteTableId TransitGatewayRouteTables
    TransitGatewayVpcAttachments Type UserId UserIdGroupPairs ValidTill Value VpcBlockPublicAccessExclusions
    VpcBlockPublicAccessOptions VpcEndpointId VpcEndpointType VpcEndpoints VpcId VpcPeeringConnectionId
    VpcPeeringConnections VpcSecurityGroupId VpcSecurityGroups Vpcs
";

/// The one description that decides something: by it an interface is known to be a database's.
const OF_RDS: &str = "RDSNetworkInterface";

/// What stands in the place of a secret.
const REMOVED: &str = "[removed]";

/// Remembers which account was given which number, so that the same one stays the same one.
#[derive(Default)]
pub struct Redactor {
    accounts: BTreeMap<String, usize>,
    secrets: Vec<String>,
}

impl Redactor {
    /// One that also looks for these secrets, wherever they stand. Short ones would be found everywhere.
    pub fn of_secrets(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= 4).collect();
        Self { accounts: BTreeMap::new(), secrets }
    }

    /// An answer of AWS with what is read of it.
    pub fn answer(&mut self, answer: &Value) -> Value {
        match answer {
            Value::Object(fields) => Value::Object(self.fields(fields)),
            Value::Array(rows) => rows.iter().map(|row| self.answer(row)).collect(),
            other => self.words(other),
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (key, value) in fields {
            match key.as_str() {
                "Tags" => drop(kept.insert(key.clone(), self.name(value))),
                "Output" => drop(kept.insert(key.clone(), self.console(value))),
                "Parameters" => drop(kept.insert(key.clone(), self.parameters(value))),
                "PublicKey" => drop(kept.insert(key.clone(), without_comment(value))),
                // What AWS itself says of what it is going to do.
                "Description" if fields.contains_key("NotBefore") => {
                    drop(kept.insert(key.clone(), self.words(value)));
                }
                "Description" if value != OF_RDS => {}
                key if is_kept(key) => drop(kept.insert(key.to_owned(), self.answer(value))),
                _ => {}
            }
        }
        kept
    }

    /// The tag `Name` among some tags.
    fn name(&mut self, tags: &Value) -> Value {
        let names = tags.as_array().into_iter().flatten().filter(|tag| tag["Key"] == "Name");
        let name = names.map(|tag| serde_json::json!({ "Key": "Name", "Value": self.words(&tag["Value"]) }));
        Value::Array(name.collect())
    }

    /// Of a console the lines that tell something: anybody's program may have written there.
    fn console(&mut self, output: &Value) -> Value {
        self.text(&telling_lines(output.as_str().unwrap_or_default())).into()
    }

    /// Of parameters the one that is read.
    fn parameters(&mut self, rows: &Value) -> Value {
        let read = |row: &&Value| row["ParameterName"] == "rds.force_ssl";
        rows.as_array().into_iter().flatten().filter(read).map(|row| self.answer(row)).collect()
    }

    /// JSON of our own: all of its fields, each without accounts and secrets.
    pub fn words(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(rows) => rows.iter().map(|row| self.words(row)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (self.text(key), self.words(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// Words without accounts and secrets.
    pub fn text(&mut self, text: &str) -> String {
        let clean = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REMOVED));
        self.without_accounts(&clean)
    }

    fn without_accounts(&mut self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut word = String::new();
        for character in text.chars().chain(['\0']) {
            if character.is_ascii_alphanumeric() {
                word.push(character);
                continue;
            }
            // `sg-123456789012` is an id of its own, and the account that owns something stands alone.
            let of_an_id = ID_PREFIXES.iter().any(|prefix| ends_in_word(&clean, prefix));
            if is_account(&word) && !of_an_id {
                clean += &self.placeholder(&word);
            } else {
                clean += &word;
            }
            word.clear();
            clean.push(character);
        }
        clean.pop();
        clean
    }

    fn placeholder(&mut self, account: &str) -> String {
        // What was replaced before stays as it is, so that a saved folder can be saved again.
        if account.starts_with("00000000") {
            return account.to_owned();
        }
        let next = self.accounts.len() + 1;
        let number = self.accounts.entry(account.to_owned()).or_insert(next);
        format!("{number:012}")
    }
}

/// A public key without whose it is.
fn without_comment(key: &Value) -> Value {
    let words: Vec<&str> = key.as_str().unwrap_or_default().split_whitespace().take(2).collect();
    words.join(" ").into()
}

const ID_PREFIXES: [&str; 16] = [
    "i-",
    "eni-",
    "sg-",
    "sgr-",
    "subnet-",
    "vpc-",
    "rtb-",
    "acl-",
    "igw-",
    "nat-",
    "pcx-",
    "pl-",
    "vpce-",
    "eipalloc-",
    "attach-",
    "tgw-",
];

fn ends_in_word(text: &str, end: &str) -> bool {
    let before = text.strip_suffix(end);
    before.is_some_and(|before| !before.ends_with(|last: char| last.is_ascii_alphanumeric()))
}

fn is_account(word: &str) -> bool {
    word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_kept(key: &str) -> bool {
    KEPT.split_ascii_whitespace().any(|kept| kept == key)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::aws::Documents;
    use crate::network::Network;

    #[test]
    fn what_is_not_read_is_not_kept() {
        let answer = json!({ "DBInstances": [{
            "DBInstanceIdentifier": "mydb", "MasterUsername": "root", "MasterUserSecret": { "SecretArn": "arn" },
            "TagList": [{ "Key": "password", "Value": "hunter2" }],
        }], "ResponseMetadata": { "RequestId": "r" } });
        let wanted = json!({ "DBInstances": [{ "DBInstanceIdentifier": "mydb" }] });
        assert_eq!(Redactor::default().answer(&answer), wanted);
    }

    #[test]
    fn of_tags_the_name_is_kept_and_of_descriptions_the_one_that_decides() {
        let answer = json!({ "NetworkInterfaces": [
            { "Description": "RDSNetworkInterface", "Tags": [{ "Key": "token", "Value": "hunter2" }] },
            { "Description": "hunter2", "Tags": [{ "Key": "Name", "Value": "web" }] },
        ] });
        let wanted = json!({ "NetworkInterfaces": [
            { "Description": "RDSNetworkInterface", "Tags": [] },
            { "Tags": [{ "Key": "Name", "Value": "web" }] },
        ] });
        assert_eq!(Redactor::default().answer(&answer), wanted);
    }

    #[test]
    fn of_what_explains_a_host_only_what_is_read_is_kept() {
        let console = "cloud-init: hunter2\nOut of memory: Killed process 1 (sshd)\n";
        let event = json!({ "Code": "system-reboot", "NotBefore": "2026-12-01T00:00:00Z", "Description": "soon",
                            "InstanceEventId": "x" });
        let answer = json!({ "Output": console, "Events": [event], "Parameters": [
            { "ParameterName": "rds.force_ssl", "ParameterValue": "1", "Description": "Force SSL" },
            { "ParameterName": "search_path", "ParameterValue": "hunter2" },
        ], "PublicKey": "ssh-ed25519 AAAA ada@home" });
        let wanted = json!({ "Output": "Out of memory: Killed process 1 (sshd)\n", "Events": [
            { "Code": "system-reboot", "NotBefore": "2026-12-01T00:00:00Z", "Description": "soon" },
        ], "Parameters": [{ "ParameterName": "rds.force_ssl", "ParameterValue": "1" }],
            "PublicKey": "ssh-ed25519 AAAA" });
        assert_eq!(Redactor::default().answer(&answer), wanted);
    }

    #[test]
    fn accounts_are_numbered_wherever_they_stand_and_ids_are_left_alone() {
        let mut redactor = Redactor::default();
        let table = [
            ("210987654321", "000000000001"),
            ("arn:aws:rds:eu-west-1:123456789012:db:mydb", "arn:aws:rds:eu-west-1:000000000002:db:mydb"),
            ("logs-210987654321-x", "logs-000000000001-x"),
            ("sg-123456789012", "sg-123456789012"),
            ("1234567890123", "1234567890123"),
            ("000000000002", "000000000002"),
            ("", ""),
        ];
        for (text, wanted) in table {
            assert_eq!(redactor.text(text), wanted);
        }
    }

    #[test]
    fn a_secret_is_taken_out_of_whatever_holds_it() {
        let mut redactor = Redactor::of_secrets(["hunter2".to_owned(), "x".to_owned()]);
        let words = redactor.words(&json!({ "said": "FATAL: hunter2 xyz", "hunter2": [1, "hunter2"] }));
        assert_eq!(words, json!({ "said": "FATAL: [removed] xyz", "[removed]": [1, "[removed]"] }));
    }

    /// The lab's network as it is read, after what is taken out of every description and owner.
    fn network(redacted: bool) -> Network {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lab/vpc/example");
        let (mut redactor, mut documents) = (Redactor::default(), Documents::new());
        for row in fs::read_dir(folder).expect("the example") {
            let text = fs::read_to_string(row.expect("a file").path()).expect("text");
            let Ok(answer) = serde_json::from_str::<Value>(&text) else { continue };
            let mut answer = redactor.words(&answer);
            strip(&mut answer);
            documents.add("example", &if redacted { redactor.answer(&answer) } else { answer });
        }
        documents.finish().0
    }

    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, value| key != "Description" || value == OF_RDS);
                fields.values_mut().for_each(strip);
            }
            Value::Array(rows) => rows.iter_mut().for_each(strip),
            _ => {}
        }
    }

    #[test]
    fn a_redacted_network_is_the_network_that_was_read() {
        assert!(!network(false).security_groups.is_empty(), "there is something to compare");
        assert_eq!(network(true), network(false));
    }
}
