//! The one table of settings: name, sort, default and meaning. The reader, the sample file and the
//! documentation are all made from it.

pub use super::kinds::Kind;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its dotted name.
    pub name: &'static str,
    /// What its value can be.
    pub kind: Kind,
    /// Its default as it would stand in the file; empty where there is none.
    pub default: &'static str,
    /// A value for the sample file, where there is no default.
    pub example: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn with_default(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, default, example: "", meaning }
}

const fn without(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, default: "", example, meaning }
}

/// Where a whole table may be given as one text: `anaconda = "latest"` means `anaconda.version`.
pub const SHORTHANDS: [(&str, &str); 3] =
    [("volume", "volume.id"), ("anaconda", "anaconda.version"), ("psycopg2", "psycopg2.version")];

/// Every setting there is, in the order of the sample file.
pub const KEYS: &[Key] = &[
    without(
        "volume.id",
        Kind::Volume,
        "\"vol-0123456789abcdef0\"",
        "The EBS volume, by its id. `volume = \"vol-...\"` says the same. One of volume.id, volume.device and \
         volume.path is needed.",
    ),
    without(
        "volume.device",
        Kind::Text,
        "\"/dev/sdf\"",
        "The EBS volume, by the device name asked for when it was attached.",
    ),
    without(
        "volume.path",
        Kind::Path,
        "\"/dev/nvme1n1\"",
        "The volume, by its path on this host. Names change between boots: prefer the id.",
    ),
    with_default("volume.wait", Kind::Duration, "\"5m\"", "How long to wait for the volume to be attached."),
    with_default(
        "volume.filesystem",
        Kind::Choice(&["ext4", "xfs"]),
        "\"ext4\"",
        "The filesystem made on a volume that is proven blank. A known one is kept, whatever it is.",
    ),
    with_default(
        "volume.blank",
        Kind::Choice(&["zeros", "signatures"]),
        "\"zeros\"",
        "What counts as blank: no signature and every byte sampled is zero, or no signature alone.",
    ),
    without(
        "volume.format_if_unrecognised",
        Kind::Volume,
        "\"vol-0123456789abcdef0\"",
        "Consent, by typing its id, to format this very volume although it holds bytes that nobody \
         recognises. Never needed for a new volume.",
    ),
    with_default("mount.point", Kind::Path, "\"/anaconda\"", "Where the volume is mounted."),
    with_default(
        "mount.allow_duplicate_uuid",
        Kind::Flag,
        "false",
        "Mount an XFS whose UUID is mounted elsewhere too, as a copy made from a snapshot is.",
    ),
    with_default(
        "anaconda.version",
        Kind::Text,
        "\"latest\"",
        "Which installer: \"latest\", an Anaconda version such as \"2025.12-2\" or \"5.0.1\", or a \
         Miniconda one such as \"Miniconda3-py312_25.1.1-2\". `anaconda = \"5.0.1\"` says the same.",
    ),
    with_default(
        "anaconda.accept_license",
        Kind::Flag,
        "false",
        "The installer's batch mode accepts Anaconda's terms of service in your name. Organisations of \
         200 people or more need a paid licence. Nothing is installed until this is true.",
    ),
    without(
        "anaconda.url",
        Kind::Urls,
        "\"https://example.com/Anaconda3-custom-Linux-x86_64.sh\"",
        "Your own installer in place of the catalogue's; several URLs are tried in turn. Needs \
         anaconda.sha256.",
    ),
    without(
        "anaconda.sha256",
        Kind::Sha256,
        "\"55e4db1919f49c92d5abbf27a4be5986ae157f074bf9f8238963cd4582a4068a\"",
        "The SHA-256 of your own installer.",
    ),
    without(
        "anaconda.mirrors",
        Kind::Urls,
        "[\"https://mirror.example.com/archive/\"]",
        "Base URLs that are asked for the catalogue's installer before Anaconda's own archive.",
    ),
    with_default("anaconda.prefix", Kind::Path, "\"/anaconda/anaconda3\"", "Where Anaconda is installed."),
    with_default(
        "anaconda.keep_installer",
        Kind::Flag,
        "false",
        "Keep the downloaded installer on the volume after it has been used.",
    ),
    with_default(
        "anaconda.patience",
        Kind::Duration,
        "\"10m\"",
        "How long an installation may go on without writing anything before it is ended.",
    ),
    with_default(
        "download.budget",
        Kind::Duration,
        "\"1h\"",
        "How long a download may take, retries included.",
    ),
    with_default(
        "download.stall",
        Kind::Duration,
        "\"60s\"",
        "How long a connection may bring less than download.slow_below before it is dropped and resumed.",
    ),
    with_default(
        "download.slow_below",
        Kind::Number(1, 1 << 30),
        "65536",
        "The bytes a second below which a connection counts as stalled.",
    ),
    without(
        "download.ca_file",
        Kind::Path,
        "\"/etc/pki/tls/certs/company.pem\"",
        "Certificates in PEM to trust besides the system's, for mirrors and proxies of your own.",
    ),
    with_default(
        "download.second_opinion",
        Kind::Flag,
        "true",
        "Compare the catalogue's SHA-256 with the vendor's own list, where that can be reached.",
    ),
    with_default(
        "psycopg2.form",
        Kind::Choice(&["binary", "source"]),
        "\"binary\"",
        "\"binary\" installs the psycopg2-binary wheel; \"source\" compiles psycopg2 here and needs a \
         compiler and libpq.",
    ),
    without(
        "psycopg2.version",
        Kind::Text,
        "\"2.9.11\"",
        "The version of psycopg2; without it the newest that fits Python, pip, architecture and glibc.",
    ),
    without(
        "psycopg2.index",
        Kind::Urls,
        "\"https://mirror.example.com/simple/\"",
        "The package index pip asks; without it, the one pip is set up with.",
    ),
    without(
        "psycopg2.wheelhouse",
        Kind::Path,
        "\"/opt/wheels\"",
        "A folder with the wheel in it, in place of any index.",
    ),
    with_default(
        "psycopg2.upgrade_pip",
        Kind::Flag,
        "false",
        "Upgrade pip first. Off, since it leaves conda's own records of pip wrong.",
    ),
    with_default(
        "python.profile",
        Kind::Path,
        "\"/etc/profile.d/vivarium.sh\"",
        "The file that gives every login shell its $python3.",
    ),
    without(
        "database.host",
        Kind::Text,
        "\"mydb.abc123.us-east-1.rds.amazonaws.com\"",
        "The database to prove; without it that step is skipped.",
    ),
    with_default("database.port", Kind::Number(1, 65535), "5432", "Its port."),
    with_default("database.name", Kind::Text, "\"postgres\"", "The database's name on that server."),
    without(
        "database.secret",
        Kind::Secret,
        "\"secretsmanager:vivarium/mydb\"",
        "Where the password comes from: \"secretsmanager:NAME-OR-ARN\", \"ssm:/NAME\" (a SecureString), \
         \"file:/PATH\" (readable by root alone), or \"iam\" for an RDS IAM token.",
    ),
    without(
        "database.user",
        Kind::Text,
        "\"postgres\"",
        "The role; needed where the secret does not hold a username.",
    ),
    with_default(
        "database.sslmode",
        Kind::Choice(&["verify-full", "verify-ca", "require"]),
        "\"verify-full\"",
        "How much of the server's certificate is verified.",
    ),
    without(
        "database.sslrootcert",
        Kind::Path,
        "\"/etc/vivarium/ca.pem\"",
        "The certificates it is verified against, in place of Amazon's RDS roots, which are built in.",
    ),
    with_default("database.timeout", Kind::Duration, "\"10s\"", "How long each rung of the proof may take."),
    with_default("report.ssm", Kind::Flag, "true", "Report to Systems Manager: inventory and compliance."),
    without(
        "report.parameter",
        Kind::Text,
        "\"/vivarium\"",
        "Also write the last report to the parameter PREFIX/INSTANCE-ID. The stock role does not allow it.",
    ),
    with_default(
        "report.budget",
        Kind::Duration,
        "\"5s\"",
        "How long a run waits for its delivery; then it goes on beside, for an hour, and with the next run.",
    ),
    with_default(
        "report.spread",
        Kind::Duration,
        "\"0s\"",
        "The longest random wait before a delivery. No fleet needs it.",
    ),
    without(
        "aws.region",
        Kind::Text,
        "\"us-east-1\"",
        "The region, where the metadata service cannot say it.",
    ),
    without(
        "aws.endpoint",
        Kind::Urls,
        "\"https://vpce-0123.ssm.us-east-1.vpce.amazonaws.com\"",
        "Another endpoint for AWS's services.",
    ),
    with_default("run.budget", Kind::Duration, "\"2h\"", "How long a whole run may take."),
    with_default(
        "run.lock_wait",
        Kind::Duration,
        "\"30s\"",
        "How long to wait for another run to end; under UserData and at boot, where nobody is there to try again, at \
         least run.budget.",
    ),
    with_default(
        "run.strict",
        Kind::Flag,
        "false",
        "Exit with 2 when degraded under UserData and Run Command too, where it is 0 otherwise.",
    ),
    with_default(
        "boot.unit",
        Kind::Flag,
        "false",
        "Have systemd run this at each boot too: the first step installs and enables vivarium-agent.service. A run \
         that is cut off then goes on at the next boot.",
    ),
];

/// The setting of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The settings' names nearest to one that does not exist.
pub fn nearest(name: &str) -> Option<&'static str> {
    let likeness =
        |known: &str| strsim::jaro_winkler(known, name).max(strsim::jaro_winkler(leaf(known), leaf(name)));
    let best = KEYS.iter().map(|key| (key.name, likeness(key.name))).max_by(|a, b| a.1.total_cmp(&b.1));
    best.filter(|(_, likeness)| *likeness > 0.8).map(|(name, _)| name)
}

fn leaf(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_and_every_example_is_a_value_of_its_kind() {
        for key in KEYS {
            let text = if key.default.is_empty() { key.example } else { key.default };
            let value = text.parse::<toml_edit::Value>().expect(key.name);
            key.kind.check(&value).unwrap_or_else(|problem| panic!("{}: {problem}", key.name));
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_told_the_name_that_was_meant() {
        assert_eq!(nearest("volume.wiat"), Some("volume.wait"));
        assert_eq!(nearest("accept_licence"), Some("anaconda.accept_license"));
        assert_eq!(nearest("zzz"), None);
    }
}
