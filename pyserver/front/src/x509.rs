//! The one thing that the door reads from a certificate itself: its subject's common name (RFC 5280, section 4.1; X.690 for DER).

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The first common name of the certificate's subject, None where it has none that is text in ASCII or UTF-8.
pub(crate) fn common_name(certificate: &[u8]) -> Option<&str> {
    let mut outer = Der(certificate);
    let mut signed = Der(Der(outer.element(SEQUENCE)?).element(SEQUENCE)?);
    if signed.0.first() == Some(&VERSION) {
        signed.next()?;
    }
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        signed.next()?;
    }
    let mut subject = Der(signed.element(SEQUENCE)?);
    while !subject.0.is_empty() {
        let mut set = Der(subject.element(SET)?);
        while !set.0.is_empty() {
            let mut attribute = Der(set.element(SEQUENCE)?);
            if attribute.element(OBJECT_IDENTIFIER)? == COMMON_NAME {
                let (tag, text) = attribute.next()?;
                return matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING).then(|| std::str::from_utf8(text).ok())?;
            }
        }
    }
    None
}

/// DER elements, one behind the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next element's content, if it has this tag.
    fn element(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, content) = self.next()?;
        (tag == wanted).then_some(content)
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
            // Four bytes of length tell more than any certificate has.
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            rest = behind;
        }
        let (content, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("it is short").to_be_bytes();
        [&[tag, 0x82][..], &length, content].concat()
    }

    fn certificate(subject: &[u8]) -> Vec<u8> {
        let parts =
            [element(VERSION, &[2]), element(2, &[1]), element(SEQUENCE, &[]), element(SEQUENCE, b"issuer"), element(SEQUENCE, &[])];
        let signed = [parts.concat(), element(SEQUENCE, subject), element(SEQUENCE, b"key")].concat();
        element(SEQUENCE, &element(SEQUENCE, &signed))
    }

    fn attribute(kind: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        element(SET, &element(SEQUENCE, &[element(OBJECT_IDENTIFIER, kind), element(tag, text)].concat()))
    }

    #[test]
    fn the_first_common_name_is_read() {
        let organisation = attribute(&[0x55, 0x04, 0x0a], UTF8_STRING, b"House");
        let names = [attribute(COMMON_NAME, UTF8_STRING, "käse".as_bytes()), attribute(COMMON_NAME, UTF8_STRING, b"second")];
        assert_eq!(common_name(&certificate(&[organisation.clone(), names.concat()].concat())), Some("käse"));
        assert_eq!(common_name(&certificate(&organisation)), None);
        assert_eq!(common_name(&certificate(&attribute(COMMON_NAME, PRINTABLE_STRING, b"acme"))), Some("acme"));
    }

    #[test]
    fn what_is_no_text_is_no_name() {
        assert_eq!(common_name(&certificate(&attribute(COMMON_NAME, UTF8_STRING, b"\xff"))), None);
        assert_eq!(common_name(&certificate(&attribute(COMMON_NAME, 0x1e, b"\0a"))), None);
    }

    #[test]
    fn a_cut_certificate_has_no_name() {
        let whole = certificate(&attribute(COMMON_NAME, UTF8_STRING, b"acme"));
        assert!((0..whole.len()).all(|end| common_name(&whole[..end]).is_none()));
    }
}
