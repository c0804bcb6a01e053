//! Makes of an answer in XML the JSON that the AWS CLI prints: its names, its types, what is absent left out.

use roxmltree::{Document, Node};
use serde_json::{Map, Value};

use super::action::Action;
use super::shapes::{SHAPES, Type};

/// An answer, or one page of it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) answer: Map<String, Value>,
    /// With what the next page is asked for.
    pub(super) token: Option<(&'static str, String)>,
}

/// What AWS says instead of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::aws) struct Refusal {
    pub(in crate::aws) code: String,
    pub(in crate::aws) message: String,
}

/// An answer to this action.
pub(super) fn page(action: Action, body: &str) -> Result<Page, String> {
    let document = Document::parse(body).map_err(|error| error.to_string())?;
    let call = SHAPES.call(action);
    let root = document.root_element();
    let holder = match call.wrapper {
        Some(wrapper) => child(root, wrapper).ok_or_else(|| format!("there is no {wrapper} in it"))?,
        None => root,
    };
    if !root.tag_name().name().starts_with(action.name()) {
        return Err(format!("it is a {}", root.tag_name().name()));
    }
    let mut answer = structure(holder, call.shape);
    let token = call.token.and_then(|name| {
        let token = answer.remove(name)?.as_str()?.to_owned();
        (!token.is_empty()).then_some((name, token))
    });
    if action == Action::GetConsoleOutput {
        decode_output(&mut answer);
    }
    Ok(Page { answer, token })
}

/// The error that an answer is, where it is one.
pub(super) fn refusal(body: &str) -> Option<Refusal> {
    let document = Document::parse(body).ok()?;
    let error = document.descendants().find(|node| node.has_tag_name_in_any_namespace("Error"))?;
    let word = |name| child(error, name).map(text).unwrap_or_default();
    Some(Refusal { code: word("Code"), message: word("Message") })
}

/// AWS puts every answer into a namespace of its version; the names alone are enough.
trait AnyNamespace {
    fn has_tag_name_in_any_namespace(&self, name: &str) -> bool;
}

impl AnyNamespace for Node<'_, '_> {
    fn has_tag_name_in_any_namespace(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|node| node.has_tag_name_in_any_namespace(name))
}

fn structure(node: Node<'_, '_>, shape: &str) -> Map<String, Value> {
    let fields = SHAPES.structure(shape);
    node.children()
        .filter(Node::is_element)
        .filter_map(|element| {
            let field = fields?.get(element.tag_name().name())?;
            Some((field.member.to_owned(), value(element, &field.of)))
        })
        .collect()
}

fn value(node: Node<'_, '_>, of: &Type) -> Value {
    match of {
        Type::Structure(shape) => Value::Object(structure(node, shape)),
        Type::List(of) => node.children().filter(Node::is_element).map(|item| value(item, of)).collect(),
        Type::Boolean => Value::Bool(text(node) == "true"),
        Type::Integer => number::<i64>(text(node)),
        Type::Float => number::<f64>(text(node)),
        Type::Timestamp => Value::String(timestamp(text(node))),
        Type::Text => Value::String(text(node)),
    }
}

fn text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

/// What is no number stays a text: whoever reads it says so, and where.
fn number<N: std::str::FromStr + Into<Value>>(text: String) -> Value {
    text.parse::<N>().map_or(Value::String(text), Into::into)
}

/// `2026-11-23T10:00:00.500Z` as the CLI prints it: `2026-11-23T10:00:00.500000+00:00`.
fn timestamp(text: String) -> String {
    let Some(time) = text.strip_suffix('Z') else { return text };
    match time.split_once('.') {
        Some((seconds, fraction)) if fraction.trim_end_matches('0').is_empty() => format!("{seconds}+00:00"),
        Some((seconds, fraction)) => format!("{seconds}.{fraction:0<6.6}+00:00"),
        None => format!("{time}+00:00"),
    }
}

/// The CLI prints the console as text.
fn decode_output(answer: &mut Map<String, Value>) {
    let Some(Value::String(output)) = answer.get_mut("Output") else { return };
    if let Ok(decoded) = aws_smithy_types::base64::decode(output.trim()) {
        *output = String::from_utf8_lossy(&decoded).into_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(action: Action, body: &str) -> Value {
        Value::Object(page(action, body).expect("an answer").answer)
    }

    #[test]
    fn names_and_types_are_the_clis() {
        let body = r#"<DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <requestId>r</requestId><securityGroupInfo><item><groupId>sg-1</groupId><groupDescription/>
            <ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort>
            <groups><item><groupId>sg-2</groupId></item></groups><ipRanges/></item></ipPermissions>
            </item></securityGroupInfo></DescribeSecurityGroupsResponse>"#;
        let permission = json!({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
            "UserIdGroupPairs": [{"GroupId": "sg-2"}], "IpRanges": []});
        let group = json!({"GroupId": "sg-1", "Description": "", "IpPermissions": [permission]});
        assert_eq!(answer(Action::DescribeSecurityGroups, body), json!({"SecurityGroups": [group]}));
    }

    #[test]
    fn an_answer_of_rds_is_taken_out_of_its_wrapper() {
        let body = "<DescribeDBInstancesResponse><DescribeDBInstancesResult><Marker>m</Marker><DBInstances>\
            <DBInstance><MultiAZ>true</MultiAZ><Endpoint><Port>5432</Port></Endpoint></DBInstance></DBInstances>\
            </DescribeDBInstancesResult><ResponseMetadata/></DescribeDBInstancesResponse>";
        let page = page(Action::DescribeDBInstances, body).expect("a page");
        let wanted = json!({"DBInstances": [{"MultiAZ": true, "Endpoint": {"Port": 5432}}]});
        assert_eq!(Value::Object(page.answer), wanted);
        assert_eq!(page.token, Some(("Marker", "m".to_owned())));
    }

    #[test]
    fn the_answer_to_another_call_is_not_taken() {
        let error = page(Action::DescribeVpcs, "<DescribeSubnetsResponse/>").expect_err("another");
        assert!(error.contains("DescribeSubnetsResponse"), "{error}");
        assert!(page(Action::DescribeVpcs, "<html><body>Log in to the hotel</body></html>").is_err());
        assert!(page(Action::DescribeVpcs, "").is_err());
        assert!(page(Action::DescribeDBInstances, "<DescribeDBInstancesResponse/>").is_err());
    }

    #[test]
    fn both_shapes_of_errors_are_understood() {
        let wanted = Refusal { code: "RequestLimitExceeded".into(), message: "Too fast & often".into() };
        let ec2 = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Too fast &amp; often</Message>\
            </Error></Errors><RequestID>1</RequestID></Response>";
        let rds = "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>\
            <Code>RequestLimitExceeded</Code><Message>Too fast &amp; often</Message></Error></ErrorResponse>";
        assert_eq!(refusal(ec2).as_ref(), Some(&wanted));
        assert_eq!(refusal(rds).as_ref(), Some(&wanted));
        assert_eq!(refusal("<html/>"), None);
    }

    #[test]
    fn times_are_written_as_the_cli_writes_them() {
        assert_eq!(timestamp("2026-11-23T10:00:00.000Z".into()), "2026-11-23T10:00:00+00:00");
        assert_eq!(timestamp("2026-11-23T10:00:00.5Z".into()), "2026-11-23T10:00:00.500000+00:00");
        assert_eq!(timestamp("2026-11-23T10:00:00Z".into()), "2026-11-23T10:00:00+00:00");
        assert_eq!(timestamp("soon".into()), "soon");
    }

    #[test]
    fn the_console_is_text() {
        let body = "<GetConsoleOutputResponse><output>bG9naW46\n</output></GetConsoleOutputResponse>";
        assert_eq!(answer(Action::GetConsoleOutput, body), json!({"Output": "login:"}));
    }

    #[test]
    fn what_is_no_number_stays_what_it_is() {
        let body = "<DescribeSubnetsResponse><subnetSet><item><availableIpAddressCount>many</availableIpAddressCount>\
            </item></subnetSet></DescribeSubnetsResponse>";
        assert_eq!(answer(Action::DescribeSubnets, body)["Subnets"][0]["AvailableIpAddressCount"], "many");
    }
}
