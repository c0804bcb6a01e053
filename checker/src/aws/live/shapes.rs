//! What answers are made of: the table in `data/describe-shapes.tsv`, which botocore's models print.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::action::Action;

/// The table, parsed when it is first asked for.
pub(super) static SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::parse(include_str!("../../../data/describe-shapes.tsv")));

/// Services, calls and structures by their names.
#[derive(Default)]
pub(super) struct Shapes {
    versions: HashMap<&'static str, &'static str>,
    calls: HashMap<&'static str, Call>,
    structures: HashMap<&'static str, Structure>,
}

/// Elements by name.
pub(super) type Structure = HashMap<&'static str, Field>;

/// How an action is answered.
pub(super) struct Call {
    /// The element that holds the answer, where it is not the root.
    pub(super) wrapper: Option<&'static str>,
    /// What the answer is.
    pub(super) shape: &'static str,
    /// The member that lists what was asked for, where there is one.
    pub(super) rows: Option<&'static str>,
    /// The member that asks for the next page.
    pub(super) token: Option<&'static str>,
}

/// What an element is in JSON.
pub(super) struct Field {
    /// Its name there.
    pub(super) member: &'static str,
    /// Its type there.
    pub(super) of: Type,
}

/// A type of JSON, as the AWS CLI uses them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    Float,
    Boolean,
    Timestamp,
    Structure(&'static str),
    List(Box<Type>),
}

impl Shapes {
    /// How this action is answered.
    pub(super) fn call(&self, action: Action) -> &Call {
        self.calls.get(action.name()).expect("the table has every action; a test looks for each")
    }

    /// The version of the service's interface.
    pub(super) fn version(&self, action: Action) -> &'static str {
        self.versions.get(action.service()).expect("the table has every service; a test looks for each")
    }

    /// The fields of a structure. Some have none.
    pub(super) fn structure(&self, name: &str) -> Option<&Structure> {
        self.structures.get(name)
    }

    fn parse(table: &'static str) -> Self {
        let mut shapes = Self::default();
        for line in table.lines() {
            match *line.split('\t').collect::<Vec<_>>() {
                ["service", name, version] => drop(shapes.versions.insert(name, version)),
                ["call", _service, action, wrapper, shape, rows, token] => {
                    let named = |word: &'static str| (word != "-").then_some(word);
                    let call =
                        Call { wrapper: named(wrapper), shape, rows: named(rows), token: named(token) };
                    shapes.calls.insert(action, call);
                }
                ["field", shape, element, member, of] => {
                    let field = Field { member, of: Type::parse(of) };
                    shapes.structures.entry(shape).or_default().insert(element, field);
                }
                _ => {}
            }
        }
        shapes
    }
}

impl Type {
    fn parse(word: &'static str) -> Self {
        let within = |open, close| word.strip_prefix(open)?.strip_suffix(close);
        match word {
            "integer" => Self::Integer,
            "float" => Self::Float,
            "boolean" => Self::Boolean,
            "timestamp" => Self::Timestamp,
            _ => match (within('{', '}'), within('[', ']')) {
                (Some(name), _) => Self::Structure(name),
                (None, Some(item)) => Self::List(Box::new(Self::parse(item))),
                (None, None) => Self::Text,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_action_and_every_structure_that_it_names() {
        fn known(of: &Type) {
            match of {
                Type::Structure(name) => assert!(SHAPES.structure(name).is_some(), "{name}"),
                Type::List(of) => known(of),
                _ => {}
            }
        }
        for action in Action::all() {
            assert!(SHAPES.structure(SHAPES.call(action).shape).is_some(), "{action:?}");
            assert!(!SHAPES.version(action).is_empty());
        }
        SHAPES.structures.values().flat_map(HashMap::values).for_each(|field| known(&field.of));
    }

    #[test]
    fn what_comes_in_pages_says_how_the_next_one_is_asked_for() {
        assert_eq!(SHAPES.call(Action::DescribeSecurityGroups).token, Some("NextToken"));
        assert_eq!(SHAPES.call(Action::DescribeDBInstances).token, Some("Marker"));
        assert_eq!(SHAPES.call(Action::DescribeAddresses).token, None);
    }
}
