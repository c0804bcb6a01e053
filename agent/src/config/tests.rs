use std::path::Path;

use vivarium_bootstrap::settings::{InstallerChoice, VolumeIdentity};

use super::*;

const SMALLEST: &str = "\
volume = \"vol-0123456789abcdef0\"
database.host = \"mydb.abc123.us-east-1.rds.amazonaws.com\"
database.secret = \"secretsmanager:vivarium/mydb\"
";

fn read(text: &str) -> Result<Config, Vec<ConfigError>> {
    parse(Path::new("agent.toml"), text, &[])
}

/// The one mistake in this text, as it is told.
fn mistake(text: &str) -> (String, String) {
    let errors = read(text).expect_err("it has a mistake");
    assert_eq!(errors.len(), 1, "{errors:?}");
    (errors[0].to_string(), errors[0].hint.clone())
}

#[test]
fn the_smallest_useful_file_is_three_lines() {
    let config = read(SMALLEST).expect("three lines are enough");
    assert!(matches!(config.host.volume.identity, VolumeIdentity::Id(_)));
    assert_eq!(config.host.mount.point, Path::new("/anaconda"));
    assert_eq!(config.host.anaconda.installer, InstallerChoice::Catalogue("latest".to_owned()));
    assert!(!config.host.anaconda.accept_license, "nobody has accepted it");
    assert_eq!(config.database.expect("a database is named").settings.port, 5432);
}

#[test]
fn a_run_waits_for_its_delivery_as_long_as_the_rule_of_retries_says() {
    let config = read(SMALLEST).expect("three lines are enough");
    assert_eq!(config.report.budget, crate::deliver::retry::RetryRule::default().budget);
}

#[test]
fn the_sample_file_means_the_defaults() {
    let uncommented = sample::file().replace("\n#volume", "\nvolume");
    assert_eq!(uncommented, sample::file(), "settings of the sample are commented out below their tables");
    let with_volume = sample::file().replace("#id = ", "id = ");
    let sample = read(&with_volume).expect("the sample is valid");
    let smallest = read("volume = \"vol-0123456789abcdef0\"").expect("valid");
    assert_eq!(format!("{:?}", sample.host), format!("{:?}", smallest.host));
}

#[test]
fn every_line_of_the_sample_is_valid_once_it_is_uncommented() {
    for key in keys::KEYS {
        let text = if key.default.is_empty() { key.example } else { key.default };
        let values = super::read::file("sample", &format!("{} = {text}", key.name));
        assert!(values.is_ok(), "{}: {values:?}", key.name);
        assert!(
            sample::file().contains(&format!("{} = {text}\n", key.name.rsplit('.').next().expect("a leaf")))
        );
    }
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_there_is() {
    let (line, hint) = mistake("volume = \"vol-0123456789abcdef0\"\n[mount]\npiont = \"/data\"\n");
    assert_eq!(line, "reading settings: agent.toml:3:1: there is no setting mount.piont");
    assert_eq!(hint, "the nearest there is: mount.point");
}

#[test]
fn an_unknown_table_is_told_with_its_place() {
    let (line, _) = mistake("volume = \"vol-0123456789abcdef0\"\n[mounts]\npoint = \"/data\"\n");
    assert_eq!(line, "reading settings: agent.toml:2:2: there is no setting mounts");
}

#[test]
fn a_bad_value_is_told_with_its_place_and_what_was_expected() {
    let (line, _) = mistake("volume = \"vol-0123456789abcdef0\"\nmount.point = \"data\"\n");
    assert_eq!(
        line,
        "reading settings: agent.toml:2:15: mount.point: expected an absolute path such as \"/anaconda\""
    );
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_place() {
    let (line, _) = mistake("volume = \"vol-0123456789abcdef0\nmount.point = 1\n");
    assert!(line.starts_with("reading settings: agent.toml:1:"), "{line}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let errors = read("volume = 1\nnonsense = 2\n").expect_err("two mistakes");
    assert_eq!(errors.len(), 2);
}

#[test]
fn a_one_off_wins_over_the_file_and_is_checked_like_it() {
    let sets = |set: &str| parse(Path::new("agent.toml"), SMALLEST, &[set.to_owned()]);
    let config = sets("anaconda=5.0.1").expect("valid");
    assert_eq!(config.host.anaconda.installer, InstallerChoice::Catalogue("5.0.1".to_owned()));
    assert!(sets("anaconda.accept_license=true").expect("valid").host.anaconda.accept_license);
    let errors = sets("volume.wait=soon").expect_err("not a length of time");
    assert_eq!(errors[0].place, "--set volume.wait");
}

#[test]
fn a_url_without_its_hash_is_refused() {
    let (line, _) = mistake(&format!("{SMALLEST}anaconda.url = \"https://host/x.sh\"\n"));
    assert!(line.ends_with("anaconda.url needs anaconda.sha256"), "{line}");
}

#[test]
fn a_prefix_that_is_not_on_the_volume_is_refused() {
    let (line, hint) = mistake("volume = \"vol-0123456789abcdef0\"\nmount.point = \"/data\"\n");
    assert!(line.contains("is not below mount.point /data"), "{line}");
    assert_eq!(hint, "set anaconda.prefix to /data/anaconda3");
}

#[test]
fn a_volume_is_not_mounted_over_the_system() {
    for point in ["/", "/usr", "/etc/", "/anaconda/../etc"] {
        let (line, hint) =
            mistake(&format!("volume = \"vol-0123456789abcdef0\"\nmount.point = \"{point}\"\n"));
        assert!(line.starts_with("reading settings: agent.toml:2:15: mount.point"), "{line}");
        assert!(line.ends_with("is no place for a volume"), "{line}");
        assert!(hint.contains("/anaconda"), "{hint}");
    }
}

#[test]
fn the_volume_is_named_exactly_once() {
    assert!(mistake("").0.ends_with("no volume is named"));
    let twice = "volume.id = \"vol-0123456789abcdef0\"\nvolume.device = \"/dev/sdf\"\n";
    assert!(mistake(twice).0.ends_with("the volume is named twice"));
}

#[test]
fn the_same_settings_have_the_same_digest_however_they_are_written() {
    let one = read(SMALLEST).expect("valid").digest;
    let other = SMALLEST.replace("volume = ", "volume.id = ").replace("database.host", "database . host");
    assert_eq!(one, read(&other).expect("valid").digest);
    assert_ne!(one, read(&format!("{SMALLEST}mount.allow_duplicate_uuid = true")).expect("valid").digest);
}
