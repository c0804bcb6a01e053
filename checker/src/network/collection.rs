//! What was read, what was not, and why. A thing that nobody could read is never taken for one that is not there.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of things that AWS describes, with the permission that shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named by `name`, in AWS's words")]
pub enum Kind {
    Vpcs,
    VpcAttributes,
    Subnets,
    RouteTables,
    InternetGateways,
    NetworkAcls,
    SecurityGroups,
    NetworkInterfaces,
    Instances,
    Addresses,
    NatGateways,
    VpcPeeringConnections,
    VpcEndpoints,
    PrefixLists,
    PrefixListEntries,
    TransitGateways,
    TransitGatewayAttachments,
    TransitGatewayRouteTables,
    BlockPublicAccess,
    BlockPublicAccessExclusions,
    DbInstances,
    DbClusters,
    DbSubnetGroups,
    InstanceStatuses,
    ConsoleOutput,
    KeyPairs,
    DbEvents,
    DbParameters,
}

impl Kind {
    /// Whether it explains a machine or a database and is no part of the way to it.
    pub fn explains_an_end(self) -> bool {
        self >= Self::InstanceStatuses
    }

    /// In words.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// The permission without which it cannot be read.
    pub fn permission(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Vpcs => ("VPCs", "ec2:DescribeVpcs"),
            Self::VpcAttributes => ("VPC attributes", "ec2:DescribeVpcAttribute"),
            Self::Subnets => ("subnets", "ec2:DescribeSubnets"),
            Self::RouteTables => ("route tables", "ec2:DescribeRouteTables"),
            Self::InternetGateways => ("internet gateways", "ec2:DescribeInternetGateways"),
            Self::NetworkAcls => ("network ACLs", "ec2:DescribeNetworkAcls"),
            Self::SecurityGroups => ("security groups", "ec2:DescribeSecurityGroups"),
            Self::NetworkInterfaces => ("network interfaces", "ec2:DescribeNetworkInterfaces"),
            Self::Instances => ("instances", "ec2:DescribeInstances"),
            Self::Addresses => ("Elastic IP addresses", "ec2:DescribeAddresses"),
            Self::NatGateways => ("NAT gateways", "ec2:DescribeNatGateways"),
            Self::VpcPeeringConnections => ("peering connections", "ec2:DescribeVpcPeeringConnections"),
            Self::VpcEndpoints => ("VPC endpoints", "ec2:DescribeVpcEndpoints"),
            Self::PrefixLists => ("prefix lists", "ec2:DescribeManagedPrefixLists"),
            Self::PrefixListEntries => ("entries of prefix lists", "ec2:GetManagedPrefixListEntries"),
            Self::TransitGateways => ("transit gateways", "ec2:DescribeTransitGateways"),
            Self::TransitGatewayAttachments => {
                ("transit gateway attachments", "ec2:DescribeTransitGatewayAttachments")
            }
            Self::TransitGatewayRouteTables => ("transit gateway routes", "ec2:SearchTransitGatewayRoutes"),
            Self::BlockPublicAccess => ("VPC Block Public Access", "ec2:DescribeVpcBlockPublicAccessOptions"),
            Self::BlockPublicAccessExclusions => {
                ("exclusions from VPC Block Public Access", "ec2:DescribeVpcBlockPublicAccessExclusions")
            }
            Self::DbInstances => ("database instances", "rds:DescribeDBInstances"),
            Self::DbClusters => ("database clusters", "rds:DescribeDBClusters"),
            Self::DbSubnetGroups => ("DB subnet groups", "rds:DescribeDBSubnetGroups"),
            Self::InstanceStatuses => ("status checks", "ec2:DescribeInstanceStatus"),
            Self::ConsoleOutput => ("console output", "ec2:GetConsoleOutput"),
            Self::KeyPairs => ("key pairs", "ec2:DescribeKeyPairs"),
            Self::DbEvents => ("events of databases", "rds:DescribeEvents"),
            Self::DbParameters => ("parameters of databases", "rds:DescribeDBParameters"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that the answer hangs on and that is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Missing {
    /// What: `security group sg-0abc`.
    pub what: String,
    /// Why it is not known: `DescribeSecurityGroups was denied`.
    pub because: String,
    /// The permission that would show it, where one would.
    pub permission: Option<String>,
    /// True where a reader asked and was refused; false where nobody asked or saved it.
    pub refused: bool,
}

impl Missing {
    /// Something that is not in what was read.
    pub fn new(what: impl Into<String>, because: impl Into<String>) -> Self {
        Self { what: what.into(), because: because.into(), permission: None, refused: false }
    }

    /// The same, with the permission that shows things of this kind.
    #[must_use]
    pub fn shown_by(mut self, kind: Kind) -> Self {
        self.permission = Some(kind.permission().into());
        self
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.because)
    }
}

/// A field, or what is known of why it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Known<T> {
    /// It was read.
    Known(T),
    /// It was not.
    Unknown(Missing),
}

impl<T> Known<T> {
    /// The value, or what is missing.
    pub fn get(&self) -> Result<&T, Missing> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(missing) => Err(missing.clone()),
        }
    }

    /// The value, where it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self::Unknown(Missing::new("", "it was not read"))
    }
}

impl<T> From<T> for Known<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// How much of a kind was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// All that was asked for came.
    Read,
    /// Nothing, or only what other answers told in passing.
    NotRead {
        /// Why not, as a sentence: `the folder holds no describe-network-acls`.
        because: String,
        /// True where AWS refused.
        refused: bool,
    },
}

impl Reading {
    /// That the whole kind is missing, and why.
    pub fn missing(&self, kind: Kind) -> Missing {
        let (because, refused) = match self {
            Self::Read => ("the answer does not tell it".to_owned(), false),
            Self::NotRead { because, refused } => (because.clone(), *refused),
        };
        Missing { what: kind.name().into(), because, permission: Some(kind.permission().into()), refused }
    }
}

/// Things of one kind by id, and how they came to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection<K, V> {
    rows: BTreeMap<K, V>,
    /// Whether the kind was read.
    pub reading: Reading,
}

impl<K, V> Default for Collection<K, V> {
    fn default() -> Self {
        let because = "they were not read".into();
        Self { rows: BTreeMap::new(), reading: Reading::NotRead { because, refused: false } }
    }
}

impl<K: Ord + fmt::Display, V> Collection<K, V> {
    /// Whether all of the kind was asked for, so that what is not here does not exist for this reader.
    pub fn is_read(&self) -> bool {
        self.reading == Reading::Read
    }

    /// The thing itself, or `None` where it is not here, for whatever reason.
    pub fn get<Q: Ord + ?Sized>(&self, id: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(id)
    }

    /// The thing that another one refers to, or what is missing: it exists, so not having it is not knowing it.
    pub fn find(&self, kind: Kind, id: &K) -> Result<&V, Missing> {
        self.rows.get(id).ok_or_else(|| self.missing(kind, id))
    }

    fn missing(&self, kind: Kind, id: &K) -> Missing {
        match &self.reading {
            Reading::Read => {
                Missing::new(id.to_string(), format!("it is not among the {kind} that were read"))
                    .shown_by(kind)
            }
            Reading::NotRead { .. } => Missing { what: id.to_string(), ..self.unread(kind) },
        }
    }

    /// That the whole kind is missing.
    pub fn unread(&self, kind: Kind) -> Missing {
        self.reading.missing(kind)
    }

    /// All rows, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// All things, in the order of their ids.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values()
    }

    /// All things, to be changed: a fix is tried on a copy of the network.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.rows.values_mut()
    }

    /// One thing, to be changed.
    pub fn get_mut(&mut self, id: &K) -> Option<&mut V> {
        self.rows.get_mut(id)
    }

    /// Adds or replaces.
    pub fn insert(&mut self, id: K, thing: V) -> Option<V> {
        self.rows.insert(id, thing)
    }

    /// Takes away.
    pub fn remove(&mut self, id: &K) -> Option<V> {
        self.rows.remove(id)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
