//! The answer: every gate in the order a packet meets them, there and back, and what follows from them.

use std::net::IpAddr;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::code::Code;
use crate::network::{
    Missing, NetworkAclId, PortSet, RouteDestination, RouteTableId, SecurityGroupId, SecurityGroupRuleId,
    Target,
};

/// The version of the JSON that a trace is written as: raised when a name's meaning changes.
pub const TRACE_VERSION: u32 = 1;

/// Whether the flow gets there and the reply gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every gate lets all of it through.
    Reachable,
    /// A gate lets none of it through.
    NotReachable,
    /// Some source ports or some addresses get through and others do not.
    Partly,
    /// It hangs on something that was not read.
    Unknown,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// [`TRACE_VERSION`].
    pub version: u32,
    /// The question, as it was put.
    pub flow: Question,
    /// Whether it is reachable.
    pub verdict: Verdict,
    /// The verdict and its reason in one line.
    pub summary: String,
    /// The gate that the verdict hangs on most: the first that denies, else the first that lets part through,
    /// else the first unknown one, else the security group rule that lets it in.
    pub deciding: Option<Gate>,
    /// Every gate that denies or lets only part through, of the case shown.
    pub blockers: Vec<Gate>,
    /// Every gate in the order a packet meets them, there and back, of the case shown.
    pub gates: Vec<Gate>,
    /// The source ports that get through, of the case shown.
    #[serde(serialize_with = "as_text")]
    pub passing_source_ports: PortSet,
    /// The share of source ports, or of addresses, that fails: 0 where reachable, 1 where not.
    pub failing_share: f64,
    /// What the answer hangs on and is not known.
    pub unknowns: Vec<Missing>,
    /// What was not read and is taken for what AWS sets unless somebody changes it.
    pub assumptions: Vec<Missing>,
    /// Where the question is about several addresses or interfaces: each, with its own verdict. The case shown
    /// above is the first.
    pub cases: Vec<Case>,
}

impl Trace {
    /// The gates of one direction.
    pub fn direction(&self, direction: Direction) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(move |gate| gate.direction == direction)
    }
}

/// The question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the question's own words")]
pub struct Question {
    pub from: String,
    pub to: String,
    pub protocol: String,
    pub port: u16,
    #[serde(serialize_with = "as_text")]
    pub source_ports: PortSet,
}

/// One of the pairs that a question stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// Who connects: `i-0abc eni-0abc 10.0.1.10`, `203.0.113.0-203.0.113.255`.
    pub source: String,
    /// To whom.
    pub destination: String,
    /// Whether that is reachable.
    pub verdict: Verdict,
    /// Its first denying gate's code, by our name.
    pub code: Option<&'static str>,
}

/// There or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Forward,
    Return,
}

/// What kind of gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are AWS's")]
pub enum GateKind {
    Source,
    Destination,
    Instance,
    NetworkInterface,
    Database,
    NameResolution,
    Address,
    SecurityGroup,
    NetworkAcl,
    RouteTable,
    InternetGateway,
    EgressOnlyInternetGateway,
    BlockPublicAccess,
    NatGateway,
    PeeringConnection,
    TransitGateway,
    VpcEndpoint,
    VirtualPrivateGateway,
    SourceDestCheck,
    Appliance,
}

/// One gate, what came to it, and what it did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// There or back.
    pub direction: Direction,
    /// Its kind.
    pub kind: GateKind,
    /// Its id: of the network ACL, the interface, the route table, the gateway.
    pub element: String,
    /// Inwards or outwards, where it has two sides: `inbound`, `outbound`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<&'static str>,
    /// The packet as this gate sees it: after or before translation.
    pub packet: Packet,
    /// What it did.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Gate {
    /// Whether it lets not all of it through.
    pub fn blocks(&self) -> bool {
        matches!(self.outcome, Outcome::Denied { .. } | Outcome::Partial { .. })
    }

    /// Its code, where it denies.
    pub fn code(&self) -> Option<Code> {
        match &self.outcome {
            Outcome::Denied { code, .. } | Outcome::Partial { code, .. } => Some(*code),
            Outcome::Allowed { .. } | Outcome::Unknown { .. } | Outcome::Assumed { .. } => None,
        }
    }

    /// The rule that decided, where one did.
    pub fn rule(&self) -> Option<&Rule> {
        match &self.outcome {
            Outcome::Allowed { by } | Outcome::Denied { by, .. } | Outcome::Partial { by, .. } => Some(by),
            Outcome::Unknown { .. } | Outcome::Assumed { .. } => None,
        }
    }
}

/// What came to a gate: one packet for each port of the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Packet {
    pub source: IpAddr,
    #[serde(serialize_with = "as_text")]
    pub source_ports: PortSet,
    pub destination: IpAddr,
    #[serde(serialize_with = "as_text")]
    pub destination_ports: PortSet,
    #[serde(serialize_with = "as_text")]
    pub protocol: crate::network::Protocol,
}

/// What a gate did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It lets all through.
    Allowed {
        /// By this rule.
        by: Rule,
    },
    /// It lets nothing through.
    Denied {
        /// Why.
        #[serde(flatten)]
        code: Code,
        /// By this rule, or for the lack of one.
        by: Rule,
    },
    /// It lets some ports through.
    Partial {
        /// Why not all.
        #[serde(flatten)]
        code: Code,
        /// The rule that denies the rest.
        by: Rule,
        /// The client's ports that pass.
        #[serde(serialize_with = "as_text")]
        passing_ports: PortSet,
        /// The share of those that came and do not pass.
        failing_share: f64,
    },
    /// It hangs on something that was not read.
    Unknown {
        /// On this.
        missing: Missing,
    },
    /// It was not read, and lets all through unless somebody changed what AWS sets.
    Assumed {
        /// What was not read.
        missing: Missing,
    },
}

/// What decided, by id and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The id of what holds the rule: `acl-…`, `sg-…`, `rtb-…`; several where no rule of any allows.
    pub element: String,
    /// The rule in words: `rule 100 allow tcp 22 from 0.0.0.0/0`.
    pub rule: String,
    /// The same for programs.
    #[serde(flatten)]
    pub which: Which,
}

/// What decided, for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// A rule of a security group; its id where it is known.
    SecurityGroupRule(SecurityGroupId, Option<SecurityGroupRuleId>),
    /// That none of these groups has a rule for it.
    NoSecurityGroupRule(Vec<SecurityGroupId>),
    /// An entry of a network ACL; `None` for the rule `*`.
    NetworkAclEntry {
        /// Whose.
        acl: NetworkAclId,
        /// Of which list.
        egress: bool,
        /// Its number.
        rule_number: Option<u32>,
    },
    /// A route.
    Route {
        /// Whose.
        table: RouteTableId,
        /// Where to.
        destination: RouteDestination,
        /// By way of what.
        target: Target,
    },
    /// That no route of the table leads there.
    NoRoute(RouteTableId),
    /// The state or nature of the element itself.
    Element,
}

impl Serialize for Which {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::SecurityGroupRule(group, rule) => {
                map.serialize_entry("type", "security_group_rule")?;
                map.serialize_entry("security_group", group.as_str())?;
                let id = rule.as_ref().map(SecurityGroupRuleId::as_str);
                map.serialize_entry("security_group_rule", &id)?;
            }
            Self::NoSecurityGroupRule(groups) => {
                map.serialize_entry("type", "no_security_group_rule")?;
                let ids: Vec<&str> = groups.iter().map(SecurityGroupId::as_str).collect();
                map.serialize_entry("security_groups", &ids)?;
            }
            Self::NetworkAclEntry { acl, egress, rule_number } => {
                map.serialize_entry("type", "network_acl_rule")?;
                map.serialize_entry("network_acl", acl.as_str())?;
                map.serialize_entry("egress", egress)?;
                match rule_number {
                    Some(number) => map.serialize_entry("rule_number", number)?,
                    None => map.serialize_entry("rule_number", "*")?,
                }
            }
            Self::Route { table, destination, target } => {
                map.serialize_entry("type", "route")?;
                map.serialize_entry("route_table", table.as_str())?;
                map.serialize_entry("destination", &destination.to_string())?;
                map.serialize_entry("target", &target.to_string())?;
            }
            Self::NoRoute(table) => {
                map.serialize_entry("type", "no_route")?;
                map.serialize_entry("route_table", table.as_str())?;
            }
            Self::Element => map.serialize_entry("type", "state")?,
        }
        map.end()
    }
}

impl Rule {
    /// The state or nature of something.
    #[expect(clippy::needless_pass_by_value, reason = "ids and texts alike, as they come")]
    pub fn of(element: impl ToString, rule: impl Into<String>) -> Self {
        Self { element: element.to_string(), rule: rule.into(), which: Which::Element }
    }
}

fn as_text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
