use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SETTINGS: &str = "volume = \"vol-0123456789abcdef0\"\n";

fn wanted() -> Wanted {
    Wanted {
        urls: vec!["https://example.com/vivarium/vivarium-agent-{architecture}".to_owned()],
        sums: vec![
            (Architecture::X86_64, SUM.parse().expect("a sum")),
            (Architecture::Aarch64, SUM.parse().expect("a sum")),
        ],
        settings: Settings::Here(SETTINGS.to_owned()),
        form: Form::default(),
    }
}

fn text(wanted: &Wanted) -> String {
    String::from_utf8(render(wanted).expect("rendered")).expect("text")
}

fn refused(wanted: &Wanted) -> Refusal {
    render(wanted).expect_err("refused")
}

#[test]
fn the_launcher_without_the_settings_has_at_most_a_kibibyte() {
    let text = text(&wanted());
    let (before, rest) = text.split_once("mkdir -p /etc/vivarium\n").expect("the settings are written");
    let (_, after) = rest.split_once("\n=settings=\n").expect("and end");
    assert!(before.len() + after.len() <= 1024, "{}", before.len() + after.len());
}

#[test]
fn nothing_of_the_template_is_left() {
    let text = text(&wanted());
    assert!(!text.contains('@'), "{text}");
    assert!(text.starts_with("#!/bin/sh\n"));
    assert!(text.ends_with("exec $a run --caller userdata\n"));
    assert!(text.contains("\"https://example.com/vivarium/vivarium-agent-$m\""));
}

#[test]
fn settings_by_reference_are_fetched_before_the_run() {
    let source: SettingsSource = "ssm:/vivarium/agent.toml".parse().expect("a place");
    let text = text(&Wanted { settings: Settings::From(source), ..wanted() });
    assert!(
        text.ends_with(
            "$a settings --from ssm:/vivarium/agent.toml || exit\nexec $a run --caller userdata\n"
        )
    );
    assert!(!text.contains(SETTINGS));
}

#[test]
fn a_message_says_how_often_its_part_runs() {
    for (each_boot, kind) in [(false, "text/x-shellscript;"), (true, "text/x-shellscript-per-boot;")] {
        let text = text(&Wanted { form: Form { each_boot, mime: true, gzip: false }, ..wanted() });
        assert!(text.starts_with("Content-Type: multipart/mixed; boundary=\""), "{text}");
        assert!(text.contains(&format!("\nContent-Type: {kind}")), "{text}");
    }
    let at_each_boot = Form { each_boot: true, ..Form::default() };
    assert!(text(&Wanted { form: at_each_boot, ..wanted() }).starts_with("Content-Type: multipart/mixed"));
}

#[test]
fn what_is_compressed_is_the_same_when_opened_and_each_time() {
    let form = Form { gzip: true, ..Form::default() };
    let bytes = render(&Wanted { form, ..wanted() }).expect("rendered");
    let mut opened = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut opened).expect("gzip");
    assert_eq!(opened, text(&wanted()));
    assert_eq!(bytes, render(&Wanted { form, ..wanted() }).expect("rendered"));
}

#[test]
fn what_ec2_does_not_take_is_refused_with_what_to_move_out() {
    let space = LIMIT - text(&Wanted { settings: Settings::Here(String::new()), ..wanted() }).len();
    let fits = Settings::Here("x".repeat(space));
    assert_eq!(render(&Wanted { settings: fits, ..wanted() }).expect("it fits").len(), LIMIT);
    let refusal = refused(&Wanted { settings: Settings::Here("x".repeat(space + 1)), ..wanted() });
    assert!(refusal.problem.contains("16385 bytes, and EC2 takes 16384"), "{refusal}");
    assert!(refusal.hint.contains("--gzip") && refusal.hint.contains("--settings-from"), "{}", refusal.hint);
}

#[test]
fn without_a_sum_or_a_url_nothing_is_rendered() {
    assert!(refused(&Wanted { sums: Vec::new(), ..wanted() }).hint.contains("--sums"));
    assert!(refused(&Wanted { urls: Vec::new(), ..wanted() }).hint.contains("--url"));
}

#[test]
fn what_a_shell_would_take_apart_is_no_url() {
    for url in [
        "https://h/\"; reboot; \"",
        "https://h/$(reboot)",
        "https://h/`x`",
        "https://h/a b",
        "file:///x",
        "-x",
    ] {
        let refusal = refused(&Wanted { urls: vec![url.to_owned()], ..wanted() });
        assert!(refusal.hint.contains("without quotes"), "{url}: {refusal}");
    }
}

#[test]
fn what_lets_in_whoever_reads_it_is_refused_and_not_shown() {
    let urls = [
        "https://ada:hunter2@h/agent",
        "https://h/agent?X-Amz-Signature=hunter2",
        "https://h/agent?a=b&sig=hunter2",
        "https://h/agent?token=hunter2",
    ];
    for url in urls {
        let refusal = refused(&Wanted { urls: vec![url.to_owned()], ..wanted() });
        assert!(!format!("{refusal}{}", refusal.hint).contains("hunter2"), "{refusal}");
        let settings = format!("{SETTINGS}anaconda.url = \"{url}\"\n");
        let refusal = settings_to_carry(&settings, &[]).expect_err("refused");
        assert!(refusal.problem.starts_with("anaconda.url "), "{refusal}");
        assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
    }
}

#[test]
fn settings_are_carried_without_comments_and_with_one_offs() {
    let text =
        "# the password is hunter2\nvolume = \"vol-0123456789abcdef0\" # or so\n[database]\nport = 5432\n";
    let sets = [
        "database.port=5433".to_owned(),
        "anaconda.accept_license=true".to_owned(),
        "anaconda.version=5.0.1".to_owned(),
    ];
    let carried = settings_to_carry(text, &sets).expect("carried");
    assert!(!carried.contains("hunter2"), "{carried}");
    let table: toml::Table = carried.parse().expect("TOML");
    assert_eq!(table["database"]["port"].as_integer(), Some(5433));
    assert_eq!(table["anaconda"]["accept_license"].as_bool(), Some(true));
    assert_eq!(table["anaconda"]["version"].as_str(), Some("5.0.1"));
}

#[test]
fn sums_are_read_as_sha256sum_writes_them() {
    let text = format!(
        "{SUM}  vivarium-agent-x86_64\n{SUM} *dist/vivarium-agent-aarch64\n{SUM}  vivarium-check-x86_64\n"
    );
    let found: Vec<Architecture> = sums(&text).into_iter().map(|(architecture, _)| architecture).collect();
    assert_eq!(found, [Architecture::X86_64, Architecture::Aarch64]);
    assert!(sum("x86_64=abc").is_err() && sum(SUM).is_err());
    assert!(sum(&format!("arm64={SUM}")).is_ok());
}
