//! The user's own files, read as OpenSSH and libpq read them: held against `ssh -G`, `ssh-keygen` and libpq itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::{ProptestConfig, any, prop_assert};
use proptest::proptest;
use russh::keys::PublicKey;
use tempfile::TempDir;
use vivarium_checker::local::key_file::{self, Format, Problem};
use vivarium_checker::local::known_hosts::{self, KnownHost};
use vivarium_checker::local::libpq::{self, Login, Surroundings};
use vivarium_checker::local::ssh_config::{self, Question};
use vivarium_checker::local::target::{self, Place};
use vivarium_checker::local::{Mistake, ec2_fingerprint, postgres_url};

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join(".ssh")).expect("made");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        self.file_of_mode(name, text, 0o600)
    }

    fn file_of_mode(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        path
    }

    fn question(&self, host: &str) -> Question {
        Question {
            host: host.to_owned(),
            user: None,
            local_user: "root".to_owned(),
            home: self.path().to_owned(),
        }
    }
}

/// What a program says; nothing, where it fails.
#[expect(clippy::disallowed_methods, reason = "the tests ask the real programs here only")]
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().expect("the program is installed");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What `ssh -G` and we say of a host: its name, its user, its port, its jump.
fn both(config: &Path, home: &Home, host: &str) -> ([String; 4], [String; 4]) {
    let path = config.to_str().expect("a path");
    let theirs = said("ssh", &["-G", "-F", path, host]).expect("a good configuration");
    let word = |keyword: &str| {
        let line = theirs.lines().find_map(|line| line.strip_prefix(keyword)?.strip_prefix(' '));
        line.unwrap_or_default().to_owned()
    };
    let ours = ssh_config::read(&[config.to_owned()], &home.question(host)).expect("readable");
    let ours = [
        // ssh writes a name that stays as it was typed in lower case.
        ours.host_name.unwrap_or_else(|| host.to_lowercase()),
        ours.user.unwrap_or_else(|| "root".to_owned()),
        ours.port.unwrap_or(22).to_string(),
        ours.proxy_jump.unwrap_or_default(),
    ];
    (ours, ["hostname", "user", "port", "proxyjump"].map(word))
}

#[test]
fn an_alias_leads_where_ssh_itself_would_go() {
    let home = Home::new();
    let more = home.file("more", "Host inner\n  HostName 10.9.9.9\n  User inside\n");
    home.file("d/a.conf", "Host globbed\n  Port 2201\n");
    home.file("d/b.conf", "Host globbed\n  Port 2202\n  User second\n");
    let text = format!(
        "# a comment\nUser early\nHost web-* !web-9\n  HostName %h.example.com\n  Port 2222\n\
         Host \"quoted name\" plain\n\tHostName=192.0.2.7\n  User = someone\n  User other\n\
         Host inner\n  Include {more}\n  Port 2200\nInclude {folder}/d/*.conf\n\
         Host jumping\n  ProxyJump bastion.example.com\n  ProxyCommand nc %h %p\n\
         Host straight\n  ProxyJump none\n\
         Match originalhost matched user early\n  HostName 198.51.100.1\n\
         Match host 198.51.100.1 !localuser nobody\n  Port 2323\n\
         Match all\n  Port 4444 # the rest\n",
        more = more.display(),
        folder = home.path().display(),
    );
    let config = home.file(".ssh/config", &text);
    let hosts = [
        "web-1", "web-9", "WEB-1", "plain", "inner", "globbed", "jumping", "straight", "matched", "10.0.0.1",
        "*",
    ];
    for host in hosts {
        let (ours, theirs) = both(&config, &home, host);
        assert_eq!(ours, theirs, "{host}");
    }
    let without_user = text.replace("User early\n", "");
    let config = home.file(".ssh/config", &without_user);
    for host in hosts {
        let (ours, theirs) = both(&config, &home, host);
        assert_eq!(ours, theirs, "{host}, without a user for all");
    }
}

#[test]
fn keys_and_known_hosts_of_an_alias_have_their_tokens_replaced() {
    let home = Home::new();
    let text = "Host db\n  HostName db.example.com\n  User ec2-user\n  IdentityFile ~/.ssh/%h-%r.pem\n  \
                IdentityFile \"%d/my keys/a\"\n  HostKeyAlias vivarium\n  UserKnownHostsFile ~/one ~/two\n\
                Match exec \"true\"\n  User never\n";
    let config = home.file(".ssh/config", text);
    let settings = ssh_config::read(&[config], &home.question("db")).expect("readable");
    let below = |names: [&str; 2]| names.map(|name| home.path().join(name)).to_vec();
    assert_eq!(settings.identity_files, below([".ssh/db.example.com-ec2-user.pem", "my keys/a"]));
    assert_eq!(settings.known_hosts, below(["one", "two"]));
    assert_eq!(settings.host_key_alias.as_deref(), Some("vivarium"));
    assert_eq!((settings.user.as_deref(), settings.undecided.len()), (Some("ec2-user"), 1));
    let typed = Question { user: Some("typed".to_owned()), ..home.question("db") };
    let settings = ssh_config::read(&[home.path().join(".ssh/config")], &typed).expect("readable");
    assert_eq!(settings.user.as_deref(), Some("typed"));
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_by_its_line() {
    let home = Home::new();
    let read = |text: &str| {
        let config = home.file(".ssh/config", text);
        ssh_config::read(&[config], &home.question("any")).expect_err(text).to_string()
    };
    assert!(read("Host a\n\nPort=many\nHost any\nPort many\n").ends_with("line 5: \"many\" is not a port"));
    assert!(read("Host \"any\n").ends_with("line 1: a quote is not closed"));
    assert!(read("Port 0\n").ends_with("line 1: \"0\" is not a port"));
    let again = format!("Include {}/.ssh/config\n", home.path().display());
    assert!(read(&again).contains("include each other"));
    let gone = ssh_config::read(&[home.path().join("nowhere")], &home.question("any")).expect("says nothing");
    assert_eq!((gone.host_name, gone.port), (None, None));
}

fn generated(home: &Home, kind: &str, name: &str, passphrase: &str, format: &[&str]) -> PathBuf {
    let path = home.path().join(name);
    let text = path.to_str().expect("a path");
    // A large RSA key takes seconds to find.
    let small = if kind == "rsa" { &["-b", "2048"][..] } else { &[] };
    let arguments = [&["-q", "-t", kind, "-N", passphrase, "-C", "", "-f", text][..], small, format].concat();
    said("ssh-keygen", &arguments).expect("generated");
    path
}

#[test]
fn known_hosts_are_found_as_ssh_keygen_finds_them() {
    let home = Home::new();
    let keys = ["a", "b", "c"].map(|name| {
        let path = generated(&home, "ed25519", name, "", &[]);
        PublicKey::read_openssh_file(path.with_extension("pub")).expect("readable")
    });
    let line =
        |hosts: &str, key: &PublicKey| format!("{hosts} {}\n", key.to_openssh().expect("a line").trim());
    let text = [
        line("db.example.com,10.0.0.1", &keys[0]),
        line("[db.example.com]:2222", &keys[1]),
        line("*.wild.example.com,!bad.wild.example.com", &keys[0]),
        "this is no line\n".to_owned(),
        line("@revoked *", &keys[2]),
    ]
    .concat();
    let plain = home.file("plain", &text);
    let hashed = home.file(
        "hashed",
        &[line("db.example.com", &keys[0]), line("[db.example.com]:2222", &keys[1])].concat(),
    );
    said("ssh-keygen", &["-q", "-H", "-f", hashed.to_str().expect("a path")]).expect("hashed");
    assert!(fs::read_to_string(&hashed).expect("readable").starts_with("|1|"));
    let other = keys[1].fingerprint(russh::keys::HashAlg::Sha256).to_string();
    let first = keys[0].fingerprint(russh::keys::HashAlg::Sha256).to_string();
    for (file, host, port, key, wanted) in [
        (&plain, "DB.example.com", 22, 0, KnownHost::Known { line: 1 }),
        (&plain, "10.0.0.1", 22, 1, KnownHost::Changed { line: 1, recorded: first.clone() }),
        (&plain, "db.example.com", 2222, 1, KnownHost::Known { line: 2 }),
        (&plain, "good.wild.example.com", 22, 0, KnownHost::Known { line: 3 }),
        (&plain, "bad.wild.example.com", 22, 0, KnownHost::Unknown),
        (&plain, "db.example.com", 22, 2, KnownHost::Revoked { line: 5 }),
        (&hashed, "db.example.com", 22, 0, KnownHost::Known { line: 1 }),
        (&hashed, "db.example.com", 2222, 0, KnownHost::Changed { line: 2, recorded: other }),
        (&hashed, "other.example.com", 22, 0, KnownHost::Unknown),
    ] {
        let recorded = known_hosts::read(file, host, port).expect("readable");
        assert_eq!(recorded.verdict(&keys[key]), wanted, "{host}:{port} in {}", file.display());
        let name = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
        let theirs = said("ssh-keygen", &["-F", &name, "-f", file.to_str().expect("a path")]);
        let known = !recorded.algorithms().is_empty();
        // ssh-keygen counts revoked lines as found, too.
        assert!(theirs.is_some() || !known, "{name}");
    }
    assert_eq!(known_hosts::read(&plain, "x", 22).expect("readable").unreadable, [4]);
    let ecdsa = generated(&home, "ecdsa", "d", "", &[]);
    let ecdsa = PublicKey::read_openssh_file(ecdsa.with_extension("pub")).expect("readable");
    let verdict = known_hosts::read(&plain, "db.example.com", 22).expect("readable").verdict(&ecdsa);
    assert_eq!(verdict, KnownHost::OtherKinds { algorithms: vec!["ssh-ed25519".to_owned()] });
    assert_eq!(
        known_hosts::read(&home.path().join("gone"), "x", 22).expect("nothing").verdict(&ecdsa),
        KnownHost::Unknown
    );
    assert!(known_hosts::read(home.path(), "x", 22).is_err(), "a folder is not a file without lines");
}

#[test]
fn each_kind_of_key_file_gives_its_public_half() {
    let home = Home::new();
    for (kind, passphrase, format, wanted, encrypted) in [
        ("ed25519", "", &[][..], Format::OpenSsh, false),
        ("ed25519", "secret", &[], Format::OpenSsh, true),
        ("ecdsa", "", &[], Format::OpenSsh, false),
        ("rsa", "", &[], Format::OpenSsh, false),
        ("rsa", "", &["-m", "PEM"], Format::Pkcs1, false),
        ("rsa", "secret", &["-m", "PEM"], Format::Pkcs1, true),
        ("rsa", "", &["-m", "PKCS8"], Format::Pkcs8, false),
        ("ecdsa", "", &["-m", "PEM"], Format::Sec1, false),
    ] {
        let path = generated(&home, kind, "key", passphrase, format);
        let public = path.with_extension("pub");
        let wanted_line =
            said("ssh-keygen", &["-lf", public.to_str().expect("a path")]).expect("a fingerprint");
        let alone = matches!(wanted, Format::OpenSsh) || (wanted == Format::Pkcs1 && !encrypted);
        if alone {
            fs::remove_file(&public).expect("removed");
        }
        let key = key_file::read(&path).expect("readable");
        assert_eq!(
            (key.format, key.encrypted, &key.problems),
            (wanted, encrypted, &Vec::new()),
            "{kind} {format:?}"
        );
        assert_eq!(key.fingerprint().as_deref(), wanted_line.split(' ').nth(1), "{kind} {format:?}");
        fs::remove_file(&path).expect("removed");
        let _ = fs::remove_file(&public);
    }
}

#[test]
fn h34_and_h35_what_keeps_ssh_from_using_a_key_is_named_and_ssh_agrees() {
    let home = Home::new();
    let good = fs::read_to_string(generated(&home, "ed25519", "good", "", &[])).expect("readable");
    let accepted =
        |path: &Path| said("ssh-keygen", &["-y", "-P", "", "-f", path.to_str().expect("a path")]).is_some();
    let cut = good[..good.len() / 2].to_owned();
    let damaged = good.replacen("b3BlbnNzaC1rZXktdjE", "AAAAAAAAAAAAAAAAAAA", 1);
    for (text, mode, wanted) in [
        (good.clone(), 0o600, None),
        (good.clone(), 0o644, Some(Problem::OpenToOthers { mode: 0o644 })),
        (good.replace('\n', "\r\n"), 0o600, Some(Problem::CarriageReturns)),
        (good.trim_end().to_owned(), 0o600, Some(Problem::NoFinalNewline)),
        (cut, 0o600, Some(Problem::CutOff)),
        (damaged, 0o600, Some(Problem::Damaged)),
    ] {
        let path = home.file_of_mode("key", &text, mode);
        let key = key_file::read(&path).expect("readable");
        assert_eq!(key.problems, Vec::from_iter(wanted.clone()), "{wanted:?}");
        assert_eq!(accepted(&path), wanted.is_none(), "{wanted:?}");
        assert!(wanted.is_none_or(|problem| !problem.hint(&path).is_empty()));
    }
    let key = key_file::read(&home.path().join("good.pub")).expect("readable");
    assert_eq!((key.format, key.problems), (Format::Public, vec![Problem::OnlyPublic]));
}

/// EC2 fingerprints a key that it made by its private half, an imported one by its public half (H32).
#[test]
fn h32_the_fingerprints_that_ec2_gives_a_key_are_those_that_openssl_computes() {
    let home = Home::new();
    let pem = generated(&home, "rsa", "ec2.pem", "", &["-m", "PEM"]);
    let path = pem.to_str().expect("a path");
    let digest = |form: &[&str], digest: &str| {
        let der = home.path().join("key.der");
        let der = der.to_str().expect("a path");
        said("openssl", &[form, &["-in", path, "-outform", "DER", "-out", der]].concat()).expect("DER");
        let told = said("openssl", &["dgst", "-c", digest, der]).expect("a digest");
        told.rsplit(' ').next().expect("a word").trim().to_owned()
    };
    let made = digest(&["pkcs8", "-topk8", "-nocrypt"], "-sha1");
    let imported = digest(&["rsa", "-pubout"], "-md5");
    let key = key_file::read(&pem).expect("a key");
    for ec2 in [&made, &imported] {
        assert!(ec2_fingerprint::is_one_of(ec2, &key.of_ec2), "{ec2} is none of {:?}", key.of_ec2);
    }
    let ed25519 = key_file::read(&generated(&home, "ed25519", "id", "", &[])).expect("a key");
    let padded = format!("{}=", ed25519.fingerprint().expect("one").trim_start_matches("SHA256:"));
    assert!(ec2_fingerprint::is_one_of(&padded, &ed25519.of_ec2));
    assert!(!ec2_fingerprint::is_one_of(&made, &ed25519.of_ec2));
}

#[test]
fn a_file_of_putty_gives_its_public_half() {
    let home = Home::new();
    let path = generated(&home, "ed25519", "good", "", &[]);
    let public = fs::read_to_string(path.with_extension("pub")).expect("readable");
    let encoded = public.split(' ').nth(1).expect("a key").trim();
    let (first, second) = encoded.split_at(64);
    let text = format!(
        "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\nComment: x\r\nPublic-Lines: 2\r\n{first}\r\n{second}\r\n\
         Private-Lines: 1\r\nAAAA\r\nPrivate-MAC: 00\r\n"
    );
    let key = key_file::read(&home.file("key.ppk", &text)).expect("readable");
    assert_eq!(
        (key.format, key.encrypted, key.problems.as_slice()),
        (Format::Putty, false, &[Problem::Putty][..])
    );
    let wanted = PublicKey::from_openssh(&public).expect("a key").fingerprint(russh::keys::HashAlg::Sha256);
    assert_eq!(key.fingerprint(), Some(wanted.to_string()));
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn logged_in(home: &Home, url: &str, pairs: &[(&str, &str)]) -> Result<Login, Mistake> {
    let environment = environment(pairs);
    let given = if url.is_empty() { libpq::Parameters::default() } else { postgres_url::parse(url)? };
    libpq::login(given, &Surroundings { environment: &environment, home: home.path(), local_user: "me" })
}

#[test]
fn a_url_comes_before_a_service_before_the_environment_before_the_defaults() {
    let home = Home::new();
    home.file(".pg_service.conf", "[prod]\nhost=service.example\nport=6000\nuser=service\n");
    let variables =
        [("PGSERVICE", "prod"), ("PGHOST", "env.example"), ("PGUSER", "env"), ("PGDATABASE", "envdb")];
    let login = logged_in(&home, "postgres://url@/", &variables).expect("a login");
    let told = (login.user.as_str(), login.host.as_str(), login.port, login.database.as_str());
    assert_eq!(told, ("url", "service.example", 6000, "envdb"));
    let login = logged_in(&home, "", &variables[1..2]).expect("a login");
    let told = (login.user.as_str(), login.host.as_str(), login.port, login.database.as_str());
    assert_eq!(told, ("me", "env.example", 5432, "me"));
    assert!(login.password.is_none());
    let login = logged_in(&home, "postgres://one.example:5433,two.example/app?sslmode=verify-full", &[])
        .expect("a login");
    assert_eq!(
        (login.port, login.more, login.sslmode.as_deref()),
        (5433, vec![("two.example".to_owned(), 5432)], Some("verify-full"))
    );
}

#[test]
fn the_password_comes_from_the_file_only_where_none_is_given_and_nobody_else_may_read_it() {
    let home = Home::new();
    home.file(".pgpass", "db.example:5432:app:me:hidden\n");
    let url = "postgres://me@db.example/app";
    assert!(logged_in(&home, url, &[]).expect("a login").password.is_some());
    assert!(logged_in(&home, "postgres://you@db.example/app", &[]).expect("a login").password.is_none());
    home.file_of_mode(".pgpass", "db.example:5432:app:me:hidden\n", 0o644);
    let refused = logged_in(&home, url, &[]).expect_err("others may read it");
    assert!(
        refused.to_string().contains("others may read it (mode 644)")
            && refused.hint().starts_with("chmod 600 ")
    );
    let login = logged_in(&home, url, &[("PGPASSWORD", "s3cret")]).expect("the file is not asked");
    assert!(login.password.is_some() && !format!("{login:?}").contains("s3cret"));
}

#[test]
fn each_mistake_about_a_database_says_what_to_do_and_no_secret() {
    let home = Home::new();
    for (url, variables, wanted) in [
        ("", &[][..], "a socket of this machine"),
        ("postgres://me@/var", &[], "a socket of this machine"),
        ("", &[("PGHOST", "h"), ("PGPORT", "many")], "\"many\" is not a port"),
        ("", &[("PGHOST", "h"), ("PGPORT", "70000")], "\"70000\" is not a port"),
        ("", &[("PGHOST", "h"), ("PGSSLMODE", "on")], "there is no \"on\""),
        ("", &[("PGSERVICE", "nowhere")], "there is no [nowhere]"),
        ("postgres://me:s3cr@t@db.example/app", &[], "has a @ that is not escaped"),
        ("postgres://me:s3/cret@db.example/app", &[], "has a / that is not escaped"),
        ("postgres://me:s3%zzcret@db.example", &[], "in the password, a percent sign"),
        ("postgres://me:s3cret%@db.example", &[], "in the password, a percent sign"),
        ("postgres://me:s3cret%00@db.example", &[], "in the password, there is %00"),
        ("postgres://me:s3cret%ff@db.example", &[], "in the password, the escaped bytes are not UTF-8"),
        ("postgres://me:s3cret@db.example:port/app", &[], "is not a port"),
        ("postgres://me:s3cret@db.example:99999/app", &[], "is not a port"),
        ("postgres://me:s3cret@[fd00::1/app", &[], "is not closed"),
        ("postgres://me:s3cret@fd00::1/app", &[], "is not a port"),
        ("postgres://me:s3cret@db.example/app?sslmode", &[], "has no ="),
        ("postgres://me:s3cret@db.example /app", &[], "there is a space"),
        ("mysql://me:s3cret@db.example/app", &[], "does not begin with postgres://"),
    ] {
        let mistake = logged_in(&home, url, variables).expect_err(url);
        assert!(mistake.to_string().contains(wanted), "{url}: {mistake}");
        assert!(
            !mistake.hint().is_empty() && !format!("{mistake} {mistake:?}").contains("s3"),
            "{mistake:?}"
        );
    }
}

#[test]
fn a_url_is_taken_apart_as_libpq_does() {
    // The keywords as libpq's PQconninfoParse gave them for each of these.
    for (url, wanted) in [
        ("postgres://", &[][..]),
        ("postgresql://localhost", &[("host", "localhost")]),
        ("postgresql://localhost:5433/", &[("host", "localhost"), ("port", "5433")]),
        (
            "postgres://u:p%40ss%2Fword@h/d",
            &[("user", "u"), ("password", "p@ss/word"), ("host", "h"), ("dbname", "d")],
        ),
        (
            "postgres://u@[fd00::1]:5433/d",
            &[("user", "u"), ("host", "fd00::1"), ("port", "5433"), ("dbname", "d")],
        ),
        ("postgres://h1:1,h2:2/d", &[("host", "h1,h2"), ("port", "1,2"), ("dbname", "d")]),
        ("postgres:///d?host=h&port=9", &[("dbname", "d"), ("host", "h"), ("port", "9")]),
        ("postgres://h/d?ssl=true", &[("host", "h"), ("dbname", "d"), ("sslmode", "require")]),
        ("postgres://h?options=a%3Db", &[("host", "h"), ("options", "a=b")]),
        ("postgres://u:p?w@h/d", &[("user", "u"), ("password", "p?w"), ("host", "h"), ("dbname", "d")]),
        ("postgres://u:a:b@h", &[("user", "u"), ("password", "a:b"), ("host", "h")]),
    ] {
        let parameters = postgres_url::parse(url).expect(url);
        for keyword in ["user", "password", "host", "port", "dbname", "sslmode", "options"] {
            let value = wanted.iter().find(|(name, _)| *name == keyword).map(|(_, value)| *value);
            assert_eq!(parameters.get(keyword), value, "{keyword} of {url}");
        }
        assert!(!format!("{parameters:?}").contains("p@ss"));
    }
}

#[test]
fn what_a_person_types_is_understood() {
    let instance = || Place::Instance("i-0123456789abcdef0".to_owned());
    let name = |text: &str| Place::HostName(text.to_owned());
    let word = |text: &str| Place::Word(text.to_owned());
    let address = |text: &str| Place::Address(text.parse().expect("an address"));
    for (typed, place, user, port) in [
        ("i-0123456789abcdef0", instance(), None, None),
        (" 'i-0123456789abcdef0' ", instance(), None, None),
        ("ec2-user@i-0123456789abcdef0", instance(), Some("ec2-user"), None),
        ("arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0", instance(), None, None),
        ("arn:aws:rds:eu-west-1:123456789012:db:mydb", Place::Database("mydb".to_owned()), None, None),
        ("ubuntu@db.example.com:2222", name("db.example.com"), Some("ubuntu"), Some(2222)),
        (
            "mydb.abc.eu-west-1.rds.amazonaws.com:5432",
            name("mydb.abc.eu-west-1.rds.amazonaws.com"),
            None,
            Some(5432),
        ),
        ("ssh://root@db.example.com:2222/", name("db.example.com"), Some("root"), Some(2222)),
        ("db.example.com.", name("db.example.com"), None, None),
        ("203.0.113.9", address("203.0.113.9"), None, None),
        ("fd00::1", address("fd00::1"), None, None),
        ("me@[fd00::1]:22", address("fd00::1"), Some("me"), Some(22)),
        ("bastion", word("bastion"), None, None),
        ("my web server", word("my web server"), None, None),
        ("i-am-a-name", word("i-am-a-name"), None, None),
        ("“vivarium”", word("vivarium"), None, None),
        ("sg-web", word("sg-web"), None, None),
    ] {
        let target = target::parse(typed).expect(typed);
        assert_eq!((target.place, target.user.as_deref(), target.port), (place, user, port), "{typed}");
    }
    let Place::Url(url) = target::parse("postgres://me@db.example/app").expect("a URL").place else {
        panic!("no URL")
    };
    assert_eq!(url.get("host"), Some("db.example"));
}

#[test]
fn what_a_person_pastes_by_mistake_is_answered_with_what_to_do() {
    for (typed, why, hint) in [
        ("", "it is empty", "name an instance id"),
        ("   ", "it is empty", ""),
        ("''", "it is empty", ""),
        ("\"db.example.com", "a quote is on one side only", ""),
        ("https://db.example.com:8443/x", "https:// is not how", "name the host alone: db.example.com"),
        ("http://me:s3cret@db.example.com", "http:// is not how", "name the host alone: db.example.com"),
        (
            "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#InstanceDetails:instanceId=i-0123456789abcdef0",
            "https://",
            "is i-0123456789abcdef0: name that",
        ),
        ("jdbc:postgresql://db.example/app", "jdbc:postgresql://", "leave jdbc: away"),
        ("ssh -i key.pem ec2-user@db.example.com", "a whole command", "alone: ec2-user@db.example.com"),
        ("psql -h db.example.com", "a whole command", "alone: db.example.com"),
        ("i-0123456789abcdef", "is cut off", "8 or 17 digits"),
        ("sg-0123456789abcdef0", "is the id of a security group", "i-"),
        ("arn:aws:s3:::bucket", "the ARN of something else", ""),
        ("arn:", "the ARN of something else", ""),
        ("10.0.1", "looks like an address", "four numbers"),
        ("10.0.1.256", "looks like an address", "four numbers"),
        ("db.example.com:", "not a port", ""),
        ("db.example.com:0", "not a port", ""),
        ("db.example.com:99999", "not a port", ""),
        ("db.example.com:5432/app", "not a port", ""),
        ("db.example.com/app", "has a path", "host alone"),
        ("[fd00::1", "is not closed", ""),
        ("fd00::1::2", "version 6", ""),
        ("@db.example.com", "nothing stands before the @", ""),
        ("me:s3cret@db.example.com", "is not a user", "a password has no place here"),
        ("me@", "there is no host", ""),
        ("a\0b", "control character", ""),
        ("postgres://me:s3cr@t@db.example/app", "a @ that is not escaped", "%40"),
    ] {
        let mistake = target::parse(typed).expect_err(typed);
        assert!(mistake.to_string().contains(why) && mistake.hint().contains(hint), "{typed}: {mistake:?}");
        assert!(!format!("{mistake:?}").contains("s3cr"), "{mistake:?}");
    }
}

#[test]
fn a_key_file_that_is_none_is_answered_with_what_to_do() {
    let home = Home::new();
    for (text, wanted) in [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("hello\n", "does not begin as a key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it holds a CERTIFICATE"),
        ("<html>\n", "does not begin as a key"),
    ] {
        let mistake = key_file::read(&home.file("key", text)).expect_err(text);
        assert!(mistake.to_string().contains(wanted) && !mistake.hint().is_empty(), "{text}: {mistake:?}");
    }
    fs::write(home.path().join("binary"), [0xff, 0xfe, 0]).expect("written");
    fs::write(home.path().join("large"), vec![b'x'; 300_000]).expect("written");
    for (name, wanted) in [
        ("binary", "it is not text"),
        ("large", "too large"),
        (".ssh", "not a file"),
        ("gone", "No such file"),
    ] {
        let mistake = key_file::read(&home.path().join(name)).expect_err(name);
        assert!(mistake.to_string().contains(wanted), "{name}: {mistake:?}");
    }
    for cut in [
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA",
        "PuTTY-User-Key-File-2: ",
    ] {
        let key = key_file::read(&home.file("key", cut)).expect("told as a key with a problem");
        assert!(!key.problems.is_empty() && key.public_key.is_none(), "{key:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn nothing_that_is_typed_or_pasted_makes_the_readers_panic(
        start in "(|postgres://|ssh://|https://|arn:aws:|i-|\\[|.*@)",
        text in "\\PC{0,40}|[a-z0-9:@/%?&=,.\\[\\]'\" -]{0,60}",
    ) {
        let typed = format!("{start}{text}");
        if let Err(mistake) = target::parse(&typed) {
            prop_assert!(!mistake.to_string().is_empty());
        }
        let _ = postgres_url::parse(&typed);
    }

    #[test]
    fn nothing_in_a_file_makes_the_readers_panic(
        start in "(|-----BEGIN RSA PRIVATE KEY-----\n|PuTTY-User-Key-File-3: ssh-rsa\nPublic-Lines: 9\n|\\|1\\|)",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        text in "[ -~\n]{0,200}",
    ) {
        let text = format!("{start}{text}");
        let _ = key_file::understood(Path::new("key"), text.as_bytes());
        let _ = key_file::understood(Path::new("key"), &bytes);
        let _ = known_hosts::recorded(&text, "host", 22);
        let _ = known_hosts::recorded(&String::from_utf8_lossy(&bytes), "host", 2222);
    }
}

#[test]
fn no_configuration_makes_the_reader_panic() {
    let home = Home::new();
    let words = [
        "Host", "Match", "Include", "HostName", "Port", "=", "\"", "*", "!", "%", "~/", "exec", "all", "\n",
        "#", "é",
    ];
    let mut seed = 7_u64;
    for _ in 0..300 {
        let mut text = String::new();
        for _ in 0..12 {
            // Knuth's generator: the same configurations in every run.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[(seed >> 33) as usize % words.len()]);
            text.push_str(if seed >> 63 == 0 { " " } else { "" });
        }
        let config = home.file(".ssh/config", &text);
        let _ = ssh_config::read(&[config], &home.question("any"));
    }
}
