//! Takes account ids out of what is shown: twelve digits that stand alone, as in the names of resources.

/// How long an account id is.
const DIGITS: usize = 12;
/// What stands in its place: as long, so that what is in columns stays in them.
const REDACTED: &str = "XXXXXXXXXXXX";

/// The text without account ids. Resource ids, addresses and times stay: they have letters, dots or other lengths.
pub fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
        } else {
            shown.push_str(without_account(&word));
            word.clear();
            shown.push(letter);
        }
    }
    shown.push_str(without_account(&word));
    shown
}

fn without_account(word: &str) -> &str {
    let is_account = word.len() == DIGITS && word.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { REDACTED } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_gone_and_all_else_stays() {
        let told =
            "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-0123456789ab 123456789012/sg-1 at 1234567890123";
        let wanted =
            "arn:aws:ec2:eu-west-1:XXXXXXXXXXXX:vpc/vpc-0123456789ab XXXXXXXXXXXX/sg-1 at 1234567890123";
        assert_eq!(redact(told), wanted);
        assert_eq!(redact("eni-0123456789abcdef0 54.1.2.3:22"), "eni-0123456789abcdef0 54.1.2.3:22");
    }
}
