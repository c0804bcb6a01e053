//! The AWS CLI's two files as sections of settings.

use std::collections::BTreeMap;

/// The settings of a section; those within another are `ec2.endpoint_url`.
pub(super) type Section = BTreeMap<String, String>;

/// All sections of both files.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    /// By their names in the config file: `profile work`, `sso-session corp`, `services lab`.
    sections: BTreeMap<String, Section>,
}

impl Profiles {
    /// What both files say. A profile is `[profile work]` in the one and `[work]` in the other.
    pub(super) fn parse(config: &str, credentials: &str) -> Self {
        let mut sections = BTreeMap::new();
        gather(config, &mut sections, |title| match title {
            "default" => "profile default".to_owned(),
            other => other.to_owned(),
        });
        gather(credentials, &mut sections, |title| format!("profile {title}"));
        Self { sections }
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Section> {
        self.sections.get(&format!("profile {name}"))
    }

    pub(super) fn services(&self, name: &str) -> Option<&Section> {
        self.sections.get(&format!("services {name}"))
    }

    pub(super) fn session(&self, name: &str) -> Option<&Section> {
        self.sections.get(&format!("sso-session {name}"))
    }

    /// The profile whose name is like this one.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        super::nearest(name, self.sections.keys().filter_map(|title| title.strip_prefix("profile ")))
    }
}

fn gather(text: &str, sections: &mut BTreeMap<String, Section>, titled: impl Fn(&str) -> String) {
    let (mut section, mut parent) = (None, String::new());
    for line in text.lines() {
        let words = line.split(" #").next().unwrap_or_default().split(" ;").next().unwrap_or_default().trim();
        if words.is_empty() || words.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = words.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            // The words of a title may stand apart as far as they like.
            let title = titled(&title.split_whitespace().collect::<Vec<_>>().join(" "));
            sections.entry(title.clone()).or_default();
            section = Some(title);
            parent.clear();
            continue;
        }
        let Some(settings) = section.as_ref().and_then(|title| sections.get_mut(title)) else { continue };
        let Some((name, value)) = words.split_once('=') else { continue };
        let (name, value) = (name.trim().to_lowercase(), value.trim().to_owned());
        if line.starts_with([' ', '\t']) && !parent.is_empty() {
            settings.insert(format!("{parent}.{name}"), value);
        } else {
            parent = if value.is_empty() { name.clone() } else { String::new() };
            settings.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_settings_and_settings_within_them_are_read() {
        let config = "; mine\n[profile  work ]\nRegion = eu-west-1 # near\ns3 =\n  endpoint_url = http://s3\n\
            output = json\n[sso-session corp]\nsso_region = us-east-1\n";
        let profiles = Profiles::parse(config, "[work]\naws_access_key_id = A\n[default]\nregion = x\n");
        let work = profiles.profile("work").expect("a profile");
        assert_eq!(work["region"], "eu-west-1");
        assert_eq!(work["s3.endpoint_url"], "http://s3");
        assert_eq!(work["output"], "json");
        assert_eq!(work["aws_access_key_id"], "A");
        assert_eq!(profiles.session("corp").expect("a session")["sso_region"], "us-east-1");
        assert!(profiles.profile("default").is_some() && profiles.profile("corp").is_none());
    }

    #[test]
    fn what_is_no_setting_is_passed_over() {
        for text in ["", "a = b", "[", "[]", "[profile x\nnonsense\n=\n = =", "\u{feff}[default]\nregion=x"] {
            let _ = Profiles::parse(text, text);
        }
    }
}
