//! VPC Block Public Access.

use super::Documents;
use crate::aws::row::Row;
use crate::network::{BlockMode, BlockPublicAccess, Exclusion, ExclusionMode, ExclusionScope, Kind, Known};

pub(super) fn options(documents: &mut Documents, row: Row<'_>) -> bool {
    if !row.has("VpcBlockPublicAccessOptions") {
        return false;
    }
    documents.read.insert(Kind::BlockPublicAccess);
    let options = row.within("VpcBlockPublicAccessOptions");
    // Until it was ever switched on AWS says that it is in its default state.
    let never_on = options.text("State") == Some("default-state");
    let Some(mode) = mode(options).or(never_on.then_some(BlockMode::Off)) else { return true };
    let exclusions = Known::Unknown(row.missing("VpcBlockPublicAccessExclusions"));
    documents.network.block_public_access = Known::Known(BlockPublicAccess { mode, exclusions });
    true
}

/// The mode that an answer tells: that of the Region, and also those of VPCs and subnets.
pub(super) fn mode(row: Row<'_>) -> Option<BlockMode> {
    Some(match row.text("InternetGatewayBlockMode")? {
        "off" => BlockMode::Off,
        "block-bidirectional" => BlockMode::BlockBidirectional,
        "block-ingress" => BlockMode::BlockIngress,
        other => BlockMode::Other(other.into()),
    })
}

pub(super) fn exclusion(documents: &mut Documents, row: Row<'_>) {
    let arn = row.text("ResourceArn").unwrap_or_default();
    let id = arn.rsplit('/').next().unwrap_or_default();
    let scope = match id.split_once('-').map_or("", |(prefix, _)| prefix) {
        "vpc" => ExclusionScope::Vpc(id.into()),
        "subnet" => ExclusionScope::Subnet(id.into()),
        _ => ExclusionScope::Other(arn.into()),
    };
    let mode = match row.text("InternetGatewayExclusionMode") {
        Some("allow-egress") => ExclusionMode::AllowEgress,
        Some("allow-bidirectional") => ExclusionMode::AllowBidirectional,
        _ => return row.note("an exclusion from VPC Block Public Access without its mode was passed over"),
    };
    let in_force =
        matches!(row.text("State"), Some("create-complete" | "update-complete" | "update-in-progress"));
    let id = row.string("ExclusionId").unwrap_or_default();
    documents.exclusions.push(Exclusion { id, scope, mode, in_force });
}
