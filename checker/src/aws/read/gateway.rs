//! Internet and NAT gateways, peering connections, VPC endpoints.

use super::Documents;
use crate::aws::row::Row;
use crate::network::{
    EndpointKind, GatewayAttachment, InternetGateway, InternetGatewayId, NatGateway, NatGatewayAddress,
    NatGatewayId, PeeringId, PeeringSide, VpcEndpoint, VpcEndpointId, VpcPeeringConnection,
};

pub(super) fn internet_gateway(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<InternetGatewayId>("InternetGatewayId") else {
        return row.note("an internet gateway without InternetGatewayId was passed over");
    };
    let attachments = row
        .rows("Attachments")
        .map(|entry| GatewayAttachment {
            vpc: entry.id_or_say("VpcId"),
            // What is listed without a state is attached: there is no other reason to list it.
            state: entry.string("State").unwrap_or_else(|| "attached".into()),
        })
        .collect();
    documents.network.internet_gateways.insert(id.clone(), InternetGateway { id, attachments });
}

pub(super) fn nat_gateway(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<NatGatewayId>("NatGatewayId") else {
        return row.note("a NAT gateway without NatGatewayId was passed over");
    };
    let addresses = row
        .rows("NatGatewayAddresses")
        .map(|entry| NatGatewayAddress {
            private_ip: entry.address("PrivateIp"),
            public_ip: entry.address("PublicIp"),
            network_interface: entry.id("NetworkInterfaceId"),
        })
        .collect();
    let gateway = NatGateway {
        id: id.clone(),
        vpc: row.id_or_say("VpcId"),
        subnet: row.id("SubnetId"),
        state: row.known_text("State"),
        is_private: row.text("ConnectivityType") == Some("private"),
        is_regional: row.text("AvailabilityMode") == Some("regional"),
        addresses,
    };
    documents.network.nat_gateways.insert(id, gateway);
}

pub(super) fn peering_connection(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<PeeringId>("VpcPeeringConnectionId") else {
        return row.note("a peering connection without VpcPeeringConnectionId was passed over");
    };
    let connection = VpcPeeringConnection {
        id: id.clone(),
        status: row.known("Status", row.within("Status").string("Code")),
        requester: side(row.within("RequesterVpcInfo")),
        accepter: side(row.within("AccepterVpcInfo")),
    };
    documents.network.peering_connections.insert(id, connection);
}

fn side(row: Row<'_>) -> PeeringSide {
    let mut cidr_blocks: Vec<_> = row.block("CidrBlock").into_iter().collect();
    cidr_blocks.extend(row.rows("CidrBlockSet").filter_map(|entry| entry.block("CidrBlock")));
    cidr_blocks.extend(row.rows("Ipv6CidrBlockSet").filter_map(|entry| entry.block("Ipv6CidrBlock")));
    cidr_blocks.sort_unstable();
    cidr_blocks.dedup();
    PeeringSide {
        vpc: row.id_or_say("VpcId"),
        region: row.string("Region"),
        owner: row.id("OwnerId"),
        cidr_blocks,
        allow_dns_resolution_from_remote_vpc: row
            .within("PeeringOptions")
            .known_flag("AllowDnsResolutionFromRemoteVpc"),
    }
}

pub(super) fn vpc_endpoint(documents: &mut Documents, row: Row<'_>) {
    let Some(id) = row.id::<VpcEndpointId>("VpcEndpointId") else {
        return row.note("a VPC endpoint without VpcEndpointId was passed over");
    };
    let kind = match row.text("VpcEndpointType") {
        // Answers from before there were other types do not name it.
        None | Some("Gateway") => EndpointKind::Gateway,
        Some("Interface") => EndpointKind::Interface,
        Some("GatewayLoadBalancer") => EndpointKind::GatewayLoadBalancer,
        Some(other) => EndpointKind::Other(other.into()),
    };
    let endpoint = VpcEndpoint {
        id: id.clone(),
        kind,
        vpc: row.id_or_say("VpcId"),
        service_name: row.string("ServiceName").unwrap_or_default(),
        state: row.known("State", row.text("State").map(str::to_ascii_lowercase)),
        network_interfaces: row.texts("NetworkInterfaceIds").map(Into::into).collect(),
        subnets: row.texts("SubnetIds").map(Into::into).collect(),
    };
    documents.network.vpc_endpoints.insert(id, endpoint);
}
