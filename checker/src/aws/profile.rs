//! Who asks, and about which Region: profiles, Regions and endpoints by the conventions of the AWS CLI.

mod file;
mod sso;

use std::fmt;
use std::path::{Path, PathBuf};

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::SharedCredentialsProvider;

use self::file::{Profiles, Section};
use super::live::{ClientSettings, Endpoints, Patience};

const REGIONS: &str = include_str!("../../data/regions.txt");

/// What was said on the command line or in the checker's own settings; it wins over all else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A profile's name.
    pub profile: Option<String>,
    /// `eu-central-1`.
    pub region: Option<String>,
    /// One endpoint for all services.
    pub endpoint: Option<String>,
}

/// Why AWS cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileError {
    /// There is no such profile.
    Unknown {
        /// The one that was named.
        profile: String,
        /// One that there is and that is like it.
        meant: Option<String>,
    },
    /// Nothing names a Region.
    NoRegion {
        /// The profile that could.
        profile: String,
    },
    /// The profile's credentials come in a way that only the AWS CLI knows.
    Beyond {
        /// Which profile.
        profile: String,
        /// Which way.
        way: &'static str,
    },
    /// A file is there and cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        because: String,
    },
}

impl ProfileError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { meant: Some(meant), .. } => format!("is {meant} meant?"),
            Self::Unknown { meant: None, .. } => {
                "`aws configure list-profiles` lists those there are".to_owned()
            }
            Self::NoRegion { profile } => {
                format!(
                    "give --region, set AWS_REGION, or `aws configure set region REGION --profile {profile}`"
                )
            }
            Self::Beyond { profile, .. } => format!(
                "let the AWS CLI do it: eval \"$(aws configure export-credentials --profile {profile} --format env)\", \
                 and ask again without naming the profile"
            ),
            Self::Unreadable { .. } => "correct the file, or name another with AWS_CONFIG_FILE".to_owned(),
        }
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { profile, .. } => write!(f, "there is no AWS profile {profile}"),
            Self::NoRegion { profile } => write!(f, "no Region is named, and profile {profile} has none"),
            Self::Beyond { profile, way } => write!(f, "getting the credentials of profile {profile}: {way}"),
            Self::Unreadable { path, because } => write!(f, "reading {}: {because}", path.display()),
        }
    }
}

impl std::error::Error for ProfileError {}

/// How AWS is asked, by what was said, the environment (through `variable`), and the files of the AWS CLI.
pub async fn settings(
    wanted: &Wanted,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ClientSettings, ProfileError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let home = set("HOME").map(PathBuf::from).unwrap_or_default();
    let profiles = read(&home, &set)?;
    let chosen = Choice::of(wanted, &set, &profiles)?;
    if let Some(way) = chosen.beyond.filter(|_| !has_keys(wanted, &set)) {
        return Err(ProfileError::Beyond { profile: chosen.profile, way });
    }
    let credentials = credentials(wanted, &set, &chosen, &home).await;
    let patience = Patience::default();
    let Choice { region, endpoints, ca_bundle, .. } = chosen;
    Ok(ClientSettings { region, endpoints, ca_bundle, credentials, patience })
}

fn read(home: &Path, set: &impl Fn(&str) -> Option<String>) -> Result<Profiles, ProfileError> {
    let path = |name: &str, usual: &str| set(name).map_or_else(|| home.join(usual), PathBuf::from);
    let config = text(&path("AWS_CONFIG_FILE", ".aws/config"))?;
    let credentials = text(&path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"))?;
    Ok(Profiles::parse(&config, &credentials))
}

/// A file that is not there says nothing.
fn text(path: &Path) -> Result<String, ProfileError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(ProfileError::Unreadable { path: path.to_owned(), because: error.to_string() }),
    }
}

/// What all the sources together come to.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    profile: String,
    region: String,
    endpoints: Endpoints,
    ca_bundle: Option<PathBuf>,
    sso: Option<sso::Login>,
    /// What of its credentials only the AWS CLI can do.
    beyond: Option<&'static str>,
}

impl Choice {
    fn of(
        wanted: &Wanted,
        set: &impl Fn(&str) -> Option<String>,
        profiles: &Profiles,
    ) -> Result<Self, ProfileError> {
        let named =
            wanted.profile.clone().or_else(|| set("AWS_PROFILE")).or_else(|| set("AWS_DEFAULT_PROFILE"));
        let nothing = Section::default();
        let section = match (&named, profiles.profile(named.as_deref().unwrap_or("default"))) {
            (_, Some(section)) => section,
            (None, None) => &nothing,
            (Some(name), None) => {
                let meant = profiles.nearest(name);
                return Err(ProfileError::Unknown { profile: name.clone(), meant });
            }
        };
        let profile = named.unwrap_or_else(|| "default".to_owned());
        let said = |name: &str| section.get(name).cloned();
        let region =
            wanted.region.clone().or_else(|| set("AWS_REGION")).or_else(|| set("AWS_DEFAULT_REGION"));
        let region = region.or_else(|| said("region"));
        let region = region.ok_or_else(|| ProfileError::NoRegion { profile: profile.clone() })?;
        let ca_bundle = set("AWS_CA_BUNDLE").or_else(|| said("ca_bundle")).map(PathBuf::from);
        let endpoints = endpoints(wanted, set, section, profiles);
        let sso = sso::Login::of(section, profiles);
        let beyond = beyond(section, profiles);
        Ok(Self { profile, region, endpoints, ca_bundle, sso, beyond })
    }
}

/// What the SDK would pass over in silence or refuse in words of its own.
fn beyond(section: &Section, profiles: &Profiles) -> Option<&'static str> {
    let source = section.get("source_profile").and_then(|name| profiles.profile(name));
    let of_source = source.is_some_and(|source| sso::Login::of(source, profiles).is_some());
    if section.contains_key("role_arn") && section.contains_key("mfa_serial") {
        Some("its role asks for the code of an MFA device (mfa_serial)")
    } else if section.contains_key("role_arn") && of_source {
        Some("its role is assumed by a profile of IAM Identity Center (source_profile)")
    } else if section.contains_key("login_session") {
        Some("it is a login to the console (login_session)")
    } else {
        None
    }
}

/// Keys in the environment win over a profile that the environment names, but not over one that was asked for.
fn has_keys(wanted: &Wanted, set: &impl Fn(&str) -> Option<String>) -> bool {
    set("AWS_ACCESS_KEY_ID").is_some() && wanted.profile.is_none()
}

/// The more exact wins: a service's variable, the variable for all, the profile's word on a service, on all.
fn endpoints(
    wanted: &Wanted,
    set: &impl Fn(&str) -> Option<String>,
    section: &Section,
    profiles: &Profiles,
) -> Endpoints {
    let ignored = |value: String| value.eq_ignore_ascii_case("true");
    let said = |name: &str| section.get(name).cloned();
    let services = section.get("services").and_then(|name| profiles.services(name));
    let configured = !set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .or_else(|| said("ignore_configured_endpoint_urls"))
        .is_some_and(ignored);
    let of = |service: &str| {
        let of_service = || services?.get(&format!("{service}.endpoint_url")).cloned();
        let found = || {
            set(&format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()))
                .or_else(|| set("AWS_ENDPOINT_URL"))
                .or_else(of_service)
                .or_else(|| said("endpoint_url"))
        };
        wanted.endpoint.clone().or_else(|| found().filter(|_| configured))
    };
    Endpoints { ec2: of("ec2"), rds: of("rds"), sts: of("sts"), ssm: of("ssm") }
}

async fn credentials(
    wanted: &Wanted,
    set: &impl Fn(&str) -> Option<String>,
    chosen: &Choice,
    home: &Path,
) -> SharedCredentialsProvider {
    if let Some(login) = chosen.sso.as_ref().filter(|_| !has_keys(wanted, set)) {
        let door = chosen.ca_bundle.clone();
        return SharedCredentialsProvider::new(sso::Sso::new(login.clone(), home, &chosen.profile, door));
    }
    let region = Region::new(chosen.region.clone());
    if wanted.profile.is_some() {
        let config = ProviderConfig::without_region().with_region(Some(region));
        let provider = ProfileFileCredentialsProvider::builder().configure(&config);
        return SharedCredentialsProvider::new(provider.profile_name(&chosen.profile).build());
    }
    let chain = DefaultCredentialsChain::builder().region(region).profile_name(&chosen.profile);
    SharedCredentialsProvider::new(chain.build().await)
}

/// A Region that there is, where this is none and one is like it.
pub fn meant_region(region: &str) -> Option<String> {
    if REGIONS.lines().any(|known| known == region) {
        return None;
    }
    nearest(region, REGIONS.lines())
}

/// The Region that an endpoint of RDS's names: `mydb.abc.eu-central-1.rds.amazonaws.com`.
pub fn region_of_endpoint(host: &str) -> Option<&str> {
    let (before, _) = host.split_once(".rds.amazonaws.com")?;
    before.rsplit('.').next().filter(|region| REGIONS.lines().any(|known| known == *region))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let alike = |known: &&str| strsim::damerau_levenshtein(name, known);
    known.min_by_key(alike).filter(|known| alike(known) <= 3).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = eu-central-1\n\n[profile work]\nregion=us-east-1\nservices = lab\n\
        endpoint_url = http://all\n[services lab]\nec2 =\n  endpoint_url = http://ec2\n";

    fn choice(wanted: &Wanted, variables: &[(&str, &str)]) -> Result<Choice, ProfileError> {
        let set = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Choice::of(wanted, &set, &Profiles::parse(CONFIG, "[keys]\naws_access_key_id = A\n"))
    }

    fn wanting(profile: &str) -> Wanted {
        Wanted { profile: Some(profile.to_owned()), ..Wanted::default() }
    }

    #[test]
    fn what_is_said_wins_over_the_environment_and_that_over_the_profile() {
        let region =
            |wanted: &Wanted, variables: &[(&str, &str)]| choice(wanted, variables).map(|it| it.region);
        assert_eq!(region(&Wanted::default(), &[]), Ok("eu-central-1".into()));
        assert_eq!(region(&wanting("work"), &[]), Ok("us-east-1".into()));
        assert_eq!(region(&wanting("work"), &[("AWS_DEFAULT_REGION", "x")]), Ok("x".into()));
        assert_eq!(
            region(&wanting("work"), &[("AWS_DEFAULT_REGION", "x"), ("AWS_REGION", "y")]),
            Ok("y".into())
        );
        let wanted = Wanted { region: Some("z".into()), ..Wanted::default() };
        assert_eq!(region(&wanted, &[("AWS_REGION", "y")]), Ok("z".into()));
    }

    #[test]
    fn a_profile_that_is_not_there_is_refused_and_the_one_meant_is_named() {
        let error = choice(&wanting("wrok"), &[]).expect_err("there is none");
        assert_eq!(error.hint(), "is work meant?");
        let error =
            choice(&Wanted::default(), &[("AWS_PROFILE", "entirely-else")]).expect_err("there is none");
        assert_eq!(error.to_string(), "there is no AWS profile entirely-else");
    }

    #[test]
    fn a_profile_without_a_region_is_told_how_to_get_one() {
        let error = choice(&wanting("keys"), &[]).expect_err("it has none");
        assert!(error.hint().contains("--profile keys"), "{}", error.hint());
    }

    #[test]
    fn credentials_that_only_the_cli_can_get_are_refused_with_the_line_that_gets_them() {
        let config = "[default]\nregion = x\n[profile mfa]\nrole_arn = r\nsource_profile = keys\nmfa_serial = m\n\
            [profile sso]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = x\nsso_account_id = 1\n\
            sso_role_name = r\n[profile over]\nrole_arn = r\nsource_profile = sso\n[profile console]\n\
            login_session = arn\n[profile role]\nrole_arn = r\nsource_profile = keys\n";
        let profiles = Profiles::parse(config, "[keys]\naws_access_key_id = A\n");
        let of = |name: &str| beyond(profiles.profile(name).expect("a profile"), &profiles);
        assert!(of("mfa").expect("refused").contains("mfa_serial"));
        assert!(of("over").expect("refused").contains("Identity Center"));
        assert!(of("console").expect("refused").contains("login_session"));
        assert_eq!((of("role"), of("sso"), of("keys")), (None, None, None));
        let error = ProfileError::Beyond { profile: "mfa".into(), way: of("mfa").unwrap_or_default() };
        assert!(error.hint().contains("export-credentials --profile mfa"), "{}", error.hint());
    }

    #[test]
    fn the_more_exact_endpoint_wins() {
        let ends = |wanted: &Wanted, variables: &[(&str, &str)]| {
            let endpoints = choice(wanted, variables).expect("a choice").endpoints;
            [endpoints.ec2, endpoints.rds].map(Option::unwrap_or_default)
        };
        let work = wanting("work");
        assert_eq!(ends(&work, &[]), ["http://ec2", "http://all"]);
        assert_eq!(ends(&work, &[("AWS_ENDPOINT_URL", "http://v")]), ["http://v", "http://v"]);
        assert_eq!(ends(&work, &[("AWS_ENDPOINT_URL_RDS", "http://r")]), ["http://ec2", "http://r"]);
        assert_eq!(ends(&work, &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]), ["", ""]);
        let said = Wanted { endpoint: Some("http://said".into()), ..work };
        assert_eq!(ends(&said, &[("AWS_ENDPOINT_URL", "http://v")]), ["http://said", "http://said"]);
    }

    #[test]
    fn a_region_that_is_none_is_held_against_those_there_are() {
        assert_eq!(meant_region("eu-centrl-1").as_deref(), Some("eu-central-1"));
        assert_eq!(meant_region("eu-central-1"), None);
        assert_eq!(meant_region("mars"), None);
    }

    #[test]
    fn an_endpoint_names_its_region() {
        assert_eq!(region_of_endpoint("mydb.abc.eu-central-1.rds.amazonaws.com"), Some("eu-central-1"));
        assert_eq!(region_of_endpoint("db.example.com"), None);
    }
}
