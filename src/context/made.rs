//! How is a MaxMind database laid out? A small one of made-up data, written by the published format.
//!
//! A binary tree over the bits of IPv6 addresses (IPv4 ones stand under `::/96`), 24 bits a record,
//! sixteen zeros, the data, and behind a marker the metadata. Only for tests.

use ipnet::IpNet;

/// A value of the format, as far as tests need it.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    /// Unsigned, of 16, 32 or 64 bits.
    Number(u8, u64),
    Double(f64),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Returns a database of type `kind` that says `value` of each network; they must not overlap.
pub fn mmdb(kind: &str, networks: &[(&str, Value)]) -> Vec<u8> {
    /// A record of a node: nothing, another node, or data.
    #[derive(Clone, Copy)]
    enum To {
        Nothing,
        Node(usize),
        Data(usize),
    }
    let mut nodes = vec![[To::Nothing; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let (bits, length) = match network.parse().unwrap() {
            IpNet::V4(net) => (u128::from(u32::from(net.network())), usize::from(net.prefix_len()) + 96),
            IpNet::V6(net) => (net.network().into(), usize::from(net.prefix_len())),
        };
        let at = data.len();
        write(value, &mut data);
        let mut node = 0;
        for depth in 0..length {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == length {
                nodes[node][side] = To::Data(at);
            } else if let To::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([To::Nothing; 2]);
                let next = nodes.len() - 1;
                nodes[node][side] = To::Node(next);
                node = next;
            }
        }
    }
    let count = nodes.len();
    let mut out = Vec::new();
    for record in nodes.iter().flatten() {
        let number = match *record {
            To::Nothing => count,
            To::Node(node) => node,
            To::Data(at) => count + 16 + at,
        };
        out.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&data);
    out.extend_from_slice(MARKER);
    let entry = |key: &str, value: Value| (key.to_owned(), value);
    let metadata = Value::Map(vec![
        entry("binary_format_major_version", Value::Number(16, 2)),
        entry("binary_format_minor_version", Value::Number(16, 0)),
        entry("build_epoch", Value::Number(64, 1_767_225_600)),
        entry("database_type", Value::Text(kind.into())),
        entry("description", Value::Map(vec![("en".into(), Value::Text("Made up for a test".into()))])),
        entry("ip_version", Value::Number(16, 6)),
        entry("languages", Value::List(vec![Value::Text("en".into())])),
        entry("node_count", Value::Number(32, count as u64)),
        entry("record_size", Value::Number(16, 24)),
    ]);
    write(&metadata, &mut out);
    out
}

/// Writes a value: a control byte with type and size, the size's rest, then the value.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            control(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Double(number) => {
            control(3, 8, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Number(bits, number) => {
            let bytes = number.to_be_bytes();
            let used = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            let kind = [5, 6, 9][usize::from(bits.ilog2() as u8 - 4)];
            control(kind, used.len(), out);
            out.extend_from_slice(used);
        }
        Value::Map(entries) => {
            control(7, entries.len(), out);
            for (key, value) in entries {
                write(&Value::Text(key.clone()), out);
                write(value, out);
            }
        }
        Value::List(items) => {
            control(11, items.len(), out);
            for item in items {
                write(item, out);
            }
        }
    }
}

fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let small = size.min(29) as u8;
    if kind < 8 {
        out.push(kind << 5 | small);
    } else {
        out.extend_from_slice(&[small, kind - 7]);
    }
    if size >= 29 {
        out.push(u8::try_from(size - 29).expect("a test's texts are short"));
    }
}
