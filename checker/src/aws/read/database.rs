//! RDS: instances, clusters and subnet groups.

use super::Documents;
use crate::aws::row::Row;
use crate::network::{DbCluster, DbInstance, DbInstanceId, DbSubnetGroup, SecurityGroupId};

pub(super) fn instance(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<DbInstanceId>("DBInstanceIdentifier") else {
        return row.note("a database without DBInstanceIdentifier was passed over");
    };
    // S24: only groups that are active count.
    let groups: Option<Vec<SecurityGroupId>> = row.list("VpcSecurityGroups").and_then(|_| {
        row.rows("VpcSecurityGroups")
            .filter(|entry| entry.text("Status").is_none_or(|status| status == "active"))
            .map(|entry| entry.id("VpcSecurityGroupId"))
            .collect()
    });
    let instance = DbInstance {
        id: id.clone(),
        status: row.known_text("DBInstanceStatus"),
        endpoint: endpoint(row.within("Endpoint")),
        publicly_accessible: row.known_flag("PubliclyAccessible"),
        groups: row.known("VpcSecurityGroups", groups),
        availability_zone: row.id("AvailabilityZone"),
        secondary_availability_zone: row.id("SecondaryAvailabilityZone"),
        multi_az: row.flag("MultiAZ").unwrap_or(false),
        subnet_group: only_name(row).or_else(|| group(row.within("DBSubnetGroup"))),
        parameter_groups: row
            .rows("DBParameterGroups")
            .filter_map(|entry| entry.string("DBParameterGroupName"))
            .collect(),
        ca_certificate: row.string("CACertificateIdentifier"),
        certificate_valid_till: row.within("CertificateDetails").time("ValidTill"),
        iam_authentication: row.flag("IAMDatabaseAuthenticationEnabled"),
        engine_version: row.string("EngineVersion"),
        database_name: row.string("DBName"),
        network_type: row.string("NetworkType"),
    };
    documents.network.db_instances.insert(id, instance);
}

/// A cluster has names of its own; what answers under them are its instances.
pub(super) fn cluster(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.string("DBClusterIdentifier") else {
        return row.note("a database cluster without DBClusterIdentifier was passed over");
    };
    let members = |is_writer: bool| {
        row.rows("DBClusterMembers")
            .filter(|member| member.flag("IsClusterWriter").unwrap_or(false) == is_writer)
            .filter_map(|member| member.id("DBInstanceIdentifier"))
            .collect()
    };
    let cluster = DbCluster {
        id: id.clone(),
        endpoint: row.string("Endpoint"),
        reader_endpoint: row.string("ReaderEndpoint"),
        writers: members(true),
        readers: members(false),
    };
    documents.network.db_clusters.insert(id, cluster);
}

fn endpoint(row: Row<'_>) -> Option<(String, u16)> {
    let port = row.number("Port").and_then(|port| u16::try_from(port).ok())?;
    Some((row.string("Address")?, port))
}

fn only_name(row: Row<'_>) -> Option<DbSubnetGroup> {
    let name = row.field("DBSubnetGroup")?.as_str()?.to_owned();
    row.note(format_args!("of DBSubnetGroup {name:?} only the name is told, and not its subnets"));
    Some(DbSubnetGroup { name, vpc: None, subnets: Vec::new() })
}

pub(super) fn subnet_group(documents: &mut Documents, row: Row<'_>) {
    match group(row) {
        Some(group) => {
            documents.network.db_subnet_groups.insert(group.name.clone(), group);
        }
        None => row.note("a DB subnet group without DBSubnetGroupName was passed over"),
    }
}

fn group(row: Row<'_>) -> Option<DbSubnetGroup> {
    Some(DbSubnetGroup {
        name: row.string("DBSubnetGroupName")?,
        vpc: row.id("VpcId"),
        subnets: row.rows("Subnets").filter_map(|entry| entry.id("SubnetIdentifier")).collect(),
    })
}
