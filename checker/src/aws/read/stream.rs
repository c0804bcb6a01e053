//! Reads an answer's text row by row: of a Region's hundred thousand rules no more than one is in memory twice.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::answer::{ANSWERS, Answer};
use super::{DEEPEST, Documents};

impl Documents {
    /// Takes the answers of a text, one document after the other: pages that were appended to one file.
    pub fn add_text(&mut self, source: &str, text: &str) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        while json.end().is_err() {
            let taken = Document { documents: self, source, depth: 0 }.deserialize(&mut json)?;
            if !taken {
                self.pass_over(source);
            }
        }
        Ok(())
    }
}

/// One document, or one within another; says whether it was an answer.
struct Document<'d> {
    documents: &'d mut Documents,
    source: &'d str,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<bool, M::Error> {
        let Self { documents, source, depth } = self;
        let (mut rest, mut taken) = (Map::new(), false);
        while let Some(name) = map.next_key::<String>()? {
            // An answer begins with its list. Further on, the same word may stand in a row for a mention, and deeper
            // down for anything: that is for whoever sees the whole of it.
            let begins = depth == 0 && !taken && rest.is_empty();
            match ANSWERS.iter().find(|answer| begins && answer.key == name) {
                Some(answer) => {
                    match map.next_value_seed(Rows { documents: &mut *documents, source, answer })? {
                        None => taken = true,
                        Some(other) => drop(rest.insert(name, other)),
                    }
                }
                None => drop(rest.insert(name, map.next_value()?)),
            }
        }
        // What is left of an answer may hold another, and what is none may be a bundle of some.
        let left = documents.take(source, &Value::Object(rest), depth);
        Ok(taken || left)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut pages: S) -> Result<bool, S::Error> {
        let Self { documents, source, depth } = self;
        let mut taken = false;
        if depth < DEEPEST {
            let depth = depth + 1;
            while let Some(one) =
                pages.next_element_seed(Document { documents: &mut *documents, source, depth })?
            {
                taken |= one;
            }
        }
        // What lies too deep is still held to be JSON, and no deeper than a stack can bear.
        while pages.next_element::<Value>()?.is_some() {}
        Ok(taken)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
}

/// The list under an answer's key, read as it comes; gives back what is no list.
struct Rows<'d> {
    documents: &'d mut Documents,
    source: &'d str,
    answer: &'static Answer,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut rows: S) -> Result<Self::Value, S::Error> {
        self.documents.take_rows(self.source, self.answer, &[]);
        while let Some(row) = rows.next_element::<Value>()? {
            self.documents.take_rows(self.source, self.answer, std::slice::from_ref(&row));
        }
        Ok(None)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both ways of reading make of a text: the same network and the same notes.
    fn both(text: &str) -> (Documents, bool) {
        let (mut streamed, mut whole, mut added) = (Documents::new(), Documents::new(), false);
        streamed.add_text("it.json", text).expect("JSON");
        for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            added |= whole.add("it.json", &document.expect("JSON"));
        }
        assert_eq!(streamed.read, whole.read, "{text}");
        let again = whole.finish();
        let mut other = Documents::new();
        other.add_text("it.json", text).expect("JSON");
        assert_eq!(other.finish(), again, "{text}");
        (streamed, added)
    }

    #[test]
    fn a_text_is_read_as_its_documents_are() {
        for (text, is_answer) in [
            (r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}], "NextToken": "x"}"#, true),
            (r#"{"Vpcs": [{"VpcId": "vpc-1"}]} {"Vpcs": [{"VpcId": "vpc-2"}], "Subnets": []}"#, true),
            (r#"[{"Vpcs": []}, {"saved": {"Subnets": [{"SubnetId": "subnet-1"}]}}, 7]"#, true),
            (r#"{"Vpcs": {"VpcId": "vpc-1"}}"#, false),
            (
                r#"{"Vpcs": null, "bundle": [{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}]}"#,
                true,
            ),
            // Deeper down a row has to say that it is one.
            (r#"{"Vpcs": null, "bundle": [{"Vpcs": [{}]}]}"#, false),
            (r#"{"VpcId": "vpc-1", "EnableDnsSupport": {"Value": true}, "Vpcs": []}"#, true),
            (r#"{"Vpcs": 7, "Subnets": "text", "Instances": true, "Addresses": -1.5}"#, false),
            (r#"[[[[[[{"Vpcs": []}]]]]]]"#, false),
            (r#"7 "text" null true {}"#, false),
        ] {
            let (streamed, added) = both(text);
            assert_eq!((added, !streamed.is_empty()), (is_answer, is_answer), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_cut_off_is_an_error() {
        for text in [r#"{"Vpcs": [{"VpcId": "vpc-1""#, r#"{"Vpcs": []} {"#, "[1, ", "word"] {
            assert!(Documents::new().add_text("it.json", text).is_err(), "{text}");
        }
    }
}
