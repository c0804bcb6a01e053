//! One object of an answer, read leniently: what is absent or of another shape than AWS writes is named, with
//! its file and field, and never made up.

use std::cell::RefCell;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::Value;

use crate::network::{Kind, Known, Missing};

/// One object, whose it is and where it was found.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    value: &'a Value,
    /// The file or call that it comes from.
    source: &'a str,
    kind: Kind,
    notes: &'a RefCell<Vec<String>>,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        value: &'a Value,
        source: &'a str,
        kind: Kind,
        notes: &'a RefCell<Vec<String>>,
    ) -> Self {
        Self { value, source, kind, notes }
    }

    /// The same file's other object.
    fn of(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    pub(super) fn note(self, text: impl std::fmt::Display) {
        self.notes.borrow_mut().push(format!("{}: {text}", self.source));
    }

    /// A field that is there and not null.
    pub(super) fn field(self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// An object within; where there is none, one without fields.
    pub(super) fn within(self, name: &str) -> Self {
        static NOTHING: Value = Value::Null;
        if self.field(name).is_some_and(|value| !value.is_object()) {
            self.note(format_args!("{name} of {} is not an object", self.label()));
        }
        self.of(self.value.get(name).unwrap_or(&NOTHING))
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.field(name).is_some()
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        let value = self.field(name)?;
        if value.as_str().is_none() {
            self.note(format_args!("{name} of {} is not a text", self.label()));
        }
        value.as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn string(self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(super) fn id<T: From<&'a str>>(self, name: &str) -> Option<T> {
        self.text(name).map(T::from)
    }

    /// An id that must be there for the thing to make sense. Where it is not, an id that nothing has says so, and
    /// whatever hangs on it becomes unknown.
    pub(super) fn id_or_say<T: From<String>>(self, name: &str) -> T {
        match self.text(name) {
            Some(id) => T::from(id.to_owned()),
            None => T::from(format!("{name} of {}, which {} does not tell", self.label(), self.source)),
        }
    }

    /// A whole number, also where someone's tool has made a text of it.
    pub(super) fn number(self, name: &str) -> Option<i64> {
        let value = self.field(name)?;
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        if number.is_none() {
            self.note(format_args!("{name} of {} is not a whole number", self.label()));
        }
        number
    }

    pub(super) fn flag(self, name: &str) -> Option<bool> {
        let flag = match self.field(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.to_ascii_lowercase().parse().ok(),
            _ => None,
        };
        if flag.is_none() {
            self.note(format_args!("{name} of {} is neither true nor false", self.label()));
        }
        flag
    }

    pub(super) fn address(self, name: &str) -> Option<IpAddr> {
        let text = self.text(name)?;
        let address = text.parse().ok();
        if address.is_none() {
            self.note(format_args!("{name} of {} is no address: {text:?}", self.label()));
        }
        address
    }

    /// A moment, as AWS writes it.
    pub(super) fn time(self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = text.parse().ok();
        if time.is_none() {
            self.note(format_args!("{name} of {} is no time: {text:?}", self.label()));
        }
        time
    }

    /// The file or call that it comes from.
    pub(super) fn source(self) -> &'a str {
        self.source
    }

    /// A block in its canonical form (N11).
    pub(super) fn block(self, name: &str) -> Option<IpNet> {
        let text = self.text(name)?;
        let block = block(text);
        if block.is_none() {
            self.note(format_args!("{name} of {} is no CIDR block: {text:?}", self.label()));
        }
        block
    }

    pub(super) fn known_text(self, name: &str) -> Known<String> {
        self.known(name, self.string(name))
    }

    pub(super) fn known_flag(self, name: &str) -> Known<bool> {
        self.known(name, self.flag(name))
    }

    /// The value, or that this row does not tell it.
    pub(super) fn known<T>(self, name: &str, value: Option<T>) -> Known<T> {
        match value {
            Some(value) => Known::Known(value),
            None => Known::Unknown(self.missing(name)),
        }
    }

    /// The list's objects; none where there is no list.
    pub(super) fn rows(self, name: &str) -> impl Iterator<Item = Self> {
        let list = self.list(name).unwrap_or_default();
        if !list.iter().all(Value::is_object) {
            self.note(format_args!("{name} of {} holds something that is not an object", self.label()));
        }
        list.iter().map(move |value| self.of(value))
    }

    /// The ids that the list's objects hold, or nothing where one of them holds none: it could be any.
    pub(super) fn ids<T: From<&'a str>>(self, list: &str, name: &str) -> Option<Vec<T>> {
        self.list(list)?;
        self.rows(list).map(|row| row.id(name)).collect()
    }

    /// The list, where there is one.
    pub(super) fn list(self, name: &str) -> Option<&'a [Value]> {
        let value = self.field(name)?;
        let list = value.as_array().map(Vec::as_slice);
        if list.is_none() {
            self.note(format_args!("{name} of {} is not a list", self.label()));
        }
        list
    }

    /// The list's texts.
    pub(super) fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.list(name).unwrap_or_default().iter().filter_map(Value::as_str)
    }

    /// That a field of this row is missing or cannot be read.
    pub(super) fn missing(self, name: &str) -> Missing {
        let because = match self.field(name) {
            None => format!("{} does not tell it", self.source),
            Some(value) => format!("{} has {} there", self.source, shorten(&value.to_string())),
        };
        Missing::new(format!("{name} of {}", self.label()), because).shown_by(self.kind)
    }

    /// The `Name` tag.
    pub(super) fn name_tag(self) -> Option<String> {
        self.rows("Tags").find(|tag| tag.field("Key").is_some_and(|key| key == "Name"))?.string("Value")
    }

    /// What to call this row in a message: its id, where one can be found.
    fn label(self) -> String {
        const IDS: [&str; 20] = [
            "NetworkInterfaceId",
            "InstanceId",
            "GroupId",
            "NetworkAclId",
            "RouteTableId",
            "SubnetId",
            "InternetGatewayId",
            "NatGatewayId",
            "VpcEndpointId",
            "VpcPeeringConnectionId",
            "SecurityGroupRuleId",
            "PrefixListId",
            "TransitGatewayAttachmentId",
            "DBInstanceIdentifier",
            "DBSubnetGroupName",
            "AllocationId",
            "PublicIp",
            "ExclusionId",
            "VpcId",
            "RuleNumber",
        ];
        let id = IDS.iter().find_map(|name| self.value.get(*name));
        match id {
            Some(Value::String(id)) => shorten(id),
            Some(Value::Number(number)) => format!("rule {number}"),
            _ => format!("one of the {}", self.kind),
        }
    }
}

/// A block, also one with bits behind its prefix or an address without one.
pub(super) fn block(text: &str) -> Option<IpNet> {
    let block: Option<IpNet> = text.parse().ok();
    block.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).map(|block| block.trunc())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
