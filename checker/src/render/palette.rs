//! The colours of the report, light and dark, and how far apart they are.

use std::fmt;

/// A colour: red, green, blue.
pub type Colour = [u8; 3];

/// The colours of one scheme.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say what each is for")]
pub struct Palette {
    pub paper: Colour,
    pub panel: Colour,
    pub line: Colour,
    pub ink: Colour,
    pub muted: Colour,
    pub good: Colour,
    pub bad: Colour,
    pub some: Colour,
    pub link: Colour,
}

impl Palette {
    /// Dark on light.
    pub const LIGHT: Self = Self {
        paper: [0xff, 0xff, 0xff],
        panel: [0xf4, 0xf6, 0xf8],
        line: [0xd0, 0xd7, 0xde],
        ink: [0x1b, 0x1f, 0x24],
        muted: [0x52, 0x5b, 0x65],
        good: [0x1a, 0x6b, 0x34],
        bad: [0xb3, 0x26, 0x1e],
        some: [0x85, 0x4d, 0x00],
        link: [0x0b, 0x57, 0xa4],
    };
    /// Light on dark.
    pub const DARK: Self = Self {
        paper: [0x0f, 0x14, 0x19],
        panel: [0x18, 0x1f, 0x27],
        line: [0x3a, 0x43, 0x4d],
        ink: [0xe6, 0xed, 0xf3],
        muted: [0x9f, 0xac, 0xb9],
        good: [0x6f, 0xd5, 0x8b],
        bad: [0xff, 0x8a, 0x80],
        some: [0xf0, 0xb4, 0x4c],
        link: [0x7c, 0xb7, 0xff],
    };

    /// Each with the name that the style sheet has for it.
    pub fn named(&self) -> [(&'static str, Colour); 9] {
        [
            ("paper", self.paper),
            ("panel", self.panel),
            ("line", self.line),
            ("ink", self.ink),
            ("muted", self.muted),
            ("good", self.good),
            ("bad", self.bad),
            ("some", self.some),
            ("link", self.link),
        ]
    }
}

impl fmt::Display for Palette {
    /// As custom properties of a style sheet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.named()
            .iter()
            .try_for_each(|(name, [red, green, blue])| write!(f, "--{name}:#{red:02x}{green:02x}{blue:02x};"))
    }
}

/// The contrast of two colours, from 1 to 21, as the Web Content Accessibility Guidelines define it.
pub fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: Colour) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_on_white_is_as_far_apart_as_can_be() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
        assert!((contrast([7; 3], [7; 3]) - 1.0).abs() < 0.01);
    }

    #[test]
    fn every_text_stands_out_from_what_is_behind_it() {
        for palette in [Palette::LIGHT, Palette::DARK] {
            for behind in [palette.paper, palette.panel] {
                for (name, colour) in palette.named().into_iter().skip(3) {
                    let contrast = contrast(colour, behind);
                    assert!(contrast >= 4.5, "{name} on {behind:?} is {contrast:.2}");
                }
            }
        }
    }
}
