//! What Systems Manager holds about instances: whether it hears of them, and what they reported. All of it reads.

use serde_json::{Map, Value, json};

use super::live::{ClientSettings, Failure};
use super::systems_manager::{Refused, SystemsManager};

/// The most that any of these calls gives in a page.
const PAGE: u8 = 50;
/// The most values that a filter of `GetInventory` takes.
const VALUES: usize = 40;
/// More pages than any account has rows for: something hands out tokens without end.
const MOST_PAGES: usize = 1000;
/// What is said of a type that nobody in the account has ever put anything into.
const NO_SUCH_TYPE: [&str; 2] = ["InvalidTypeNameException", "InvalidResultAttributeException"];

/// The way to what was reported.
#[derive(Debug)]
pub struct Reports {
    door: SystemsManager,
}

impl Reports {
    /// One for this Region. Nothing is asked yet.
    pub fn new(settings: ClientSettings) -> Result<Self, Failure> {
        Ok(Self { door: SystemsManager::new(settings)? })
    }

    /// The Region that it asks about.
    pub fn region(&self) -> &str {
        self.door.region()
    }

    /// Of the instances that a filter takes, those that Systems Manager knows. A filter of many values is put in parts.
    pub async fn managed(&self, key: &str, values: &[String]) -> Result<Vec<Value>, Failure> {
        let mut rows = Vec::new();
        for part in values.chunks(VALUES) {
            let asked = json!({ "Filters": [{ "Key": key, "Values": part }] });
            rows.extend(self.pages("DescribeInstanceInformation", &asked, "InstanceInformationList").await?);
        }
        Ok(rows)
    }

    /// What these instances, few enough for one filter, have in inventory under a type.
    pub async fn inventory(&self, kind: &str, instances: &[String]) -> Result<Vec<Value>, Failure> {
        let filter =
            json!({ "Key": "AWS:InstanceInformation.InstanceId", "Values": instances, "Type": "Equal" });
        let asked = json!({ "Filters": [filter], "ResultAttributes": [{ "TypeName": kind }] });
        self.pages("GetInventory", &asked, "Entities").await
    }

    /// Every instance's summary of a type of compliance.
    pub async fn compliance(&self, kind: &str) -> Result<Vec<Value>, Failure> {
        let filter = json!({ "Key": "ComplianceType", "Values": [kind], "Type": "EQUAL" });
        let asked = json!({ "Filters": [filter] });
        self.pages("ListResourceComplianceSummaries", &asked, "ResourceComplianceSummaryItems").await
    }

    async fn pages(&self, action: &str, asked: &Value, rows: &str) -> Result<Vec<Value>, Failure> {
        let mut page: Map<String, Value> = asked.as_object().cloned().unwrap_or_default();
        page.insert("MaxResults".into(), PAGE.into());
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut told = match self.door.call(action, &Value::Object(page.clone())).await {
                Err(Refused { code, .. }) if NO_SUCH_TYPE.contains(&code.as_str()) => return Ok(all),
                told => told.map_err(|refused| refused.failure)?,
            };
            if let Some(Value::Array(rows)) = told.get_mut(rows).map(Value::take) {
                all.extend(rows);
            }
            let token = told["NextToken"].as_str().unwrap_or_default();
            if token.is_empty() {
                return Ok(all);
            }
            // A token that leads to itself leads nowhere.
            if page.insert("NextToken".into(), token.into()).is_some_and(|before| before == token) {
                break;
            }
        }
        Err(Failure::Garbled(format!("the pages of {action} do not end")))
    }
}

/// Instances in parts that one question about inventory takes.
pub fn parts(instances: &[String]) -> impl Iterator<Item = &[String]> {
    instances.chunks(VALUES)
}
