//! The messages of the proto file as JSON schemas, as proto3 maps them to JSON.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto};
use serde_json::{Map, Value, json};

use super::comments::Comments;
use super::statuses;
use crate::group::TITLE_BYTES_MAX;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::{ID_BYTES_MAX, SENDS_MAX};

const PACKAGE: &str = ".timeline.v1.";

/// Which way a message goes: requests are read with some patience, replies are always alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// The messages, and the schemas of those that were asked for.
#[derive(Debug)]
pub(super) struct Schemas {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, Vec<String>>,
    methods: BTreeMap<String, MethodDescriptorProto>,
    comments: Comments,
    made: Map<String, Value>,
}

impl Schemas {
    pub(super) fn of_proto() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET);
        let files = set.expect("the set was made with the code that reads it").file;
        let mut schemas = Self {
            messages: BTreeMap::new(),
            enums: BTreeMap::new(),
            methods: BTreeMap::new(),
            comments: Comments::of_proto(),
            made: Map::from_iter([("Problem".to_owned(), statuses::problem())]),
        };
        for file in files {
            for message in file.message_type {
                schemas.add(message);
            }
            let methods = file.service.into_iter().flat_map(|service| service.method);
            schemas.methods.extend(methods.map(|method| (method.name().to_owned(), method)));
        }
        schemas
    }

    fn add(&mut self, message: DescriptorProto) {
        let name = message.name().to_owned();
        for kind in &message.enum_type {
            let values = kind.value.iter().map(|value| value.name().to_owned()).collect();
            self.enums.insert(format!("{name}.{}", kind.name()), values);
        }
        self.messages.insert(name, message);
    }

    /// The request and the reply of a method.
    pub(super) fn method(&self, name: &str) -> Option<(String, String)> {
        let method = self.methods.get(name)?;
        Some((local(method.input_type()).to_owned(), local(method.output_type()).to_owned()))
    }

    /// The names of all methods, ascending.
    #[cfg(test)]
    pub(super) fn method_names(&self) -> impl Iterator<Item = &str> {
        self.methods.keys().map(String::as_str)
    }

    pub(super) fn about(&self, name: &str) -> &str {
        self.comments.of(name).unwrap_or_default()
    }

    /// The fields of a message, in the order of the proto file.
    pub(super) fn fields(&self, message: &str) -> &[FieldDescriptorProto] {
        self.messages.get(message).map(|message| message.field.as_slice()).unwrap_or_default()
    }

    /// Returns a reference to the schema of a message, which is made with all that it refers to.
    pub(super) fn refer(&mut self, message: &str, way: Way, without: &[&str], required: &[&str]) -> Value {
        if !self.made.contains_key(message) {
            // The order matters: a message that refers to itself finds that it is being made.
            self.made.insert(message.to_owned(), Value::Null);
            let schema = self.message(message, way, without, required);
            self.made.insert(message.to_owned(), schema);
        }
        reference(message)
    }

    pub(super) fn into_components(self) -> Value {
        self.made.into()
    }

    fn message(&mut self, message: &str, way: Way, without: &[&str], required: &[&str]) -> Value {
        let fields = self.fields(message).to_vec();
        let (mut properties, mut always) = (Map::new(), BTreeSet::new());
        for field in fields.iter().filter(|field| !without.contains(&field.name())) {
            let is_always = match way {
                Way::In => required.contains(&field.name()),
                Way::Out => is_always_written(field),
            };
            if is_always {
                always.insert(field.json_name().to_owned());
            }
            properties.insert(field.json_name().to_owned(), self.field(message, field, way));
        }
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        if let Some(about) = self.comments.of(message) {
            schema.insert("description".to_owned(), about.into());
        }
        schema.insert("properties".to_owned(), properties.into());
        if !always.is_empty() {
            schema.insert("required".to_owned(), json!(always));
        }
        schema.into()
    }

    /// Returns the schema of a field with its description.
    pub(super) fn field(&mut self, message: &str, field: &FieldDescriptorProto, way: Way) -> Value {
        let mut one = self.value(field, way);
        if way == Way::In {
            bound(&mut one, field.name());
        }
        let mut schema = if field.label() == Label::Repeated {
            let mut list = json!({ "type": "array", "items": one });
            if field.name() == "sends" {
                list["maxItems"] = SENDS_MAX.into();
            }
            list
        } else {
            one
        };
        if let Some(about) = self.comments.of(&format!("{message}.{}", field.name())) {
            schema["description"] = about.into();
        }
        schema
    }

    fn value(&mut self, field: &FieldDescriptorProto, way: Way) -> Value {
        match (field.r#type(), way) {
            // A message may be given as the object that its text would have.
            (Type::String, Way::In) if field.name() == "message" => json!({ "type": ["string", "object"] }),
            (Type::String, _) => json!({ "type": "string" }),
            (Type::Bool, _) => json!({ "type": "boolean" }),
            (Type::Int64, Way::Out) => json!({ "type": "string", "format": "int64" }),
            (Type::Uint64, Way::Out) => json!({ "type": "string", "format": "uint64" }),
            (Type::Int32 | Type::Uint32, Way::Out) => json!({ "type": "integer", "format": "int32" }),
            (Type::Int64, Way::In) => number("int64"),
            (Type::Uint64, Way::In) => number("uint64"),
            (Type::Int32 | Type::Uint32, Way::In) => number("int32"),
            (Type::Enum, _) => self.refer_enum(local(field.type_name())),
            (Type::Message, way) => {
                let name = local(field.type_name()).to_owned();
                let required = super::operations::required(&name);
                self.refer(&name, way, &[], required)
            }
            // The proto file has no others, as a test sees.
            _ => json!({}),
        }
    }

    fn refer_enum(&mut self, name: &str) -> Value {
        if !self.made.contains_key(name) {
            let values = self.enums.get(name).cloned().unwrap_or_default();
            let mut about = self.about(name).to_owned();
            for value in &values {
                if let Some(text) = self.comments.of(&format!("{name}.{value}")) {
                    about.push_str(&format!("\n- `{value}`: {text}"));
                }
            }
            let schema = json!({ "type": "string", "enum": values, "description": about.trim() });
            self.made.insert(name.to_owned(), schema);
        }
        reference(name)
    }
}

fn local(name: &str) -> &str {
    name.strip_prefix(PACKAGE).unwrap_or(name)
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A number of a request, which is never below 0.
fn number(format: &str) -> Value {
    json!({ "type": ["integer", "string"], "format": format, "minimum": 0 })
}

/// Replies have every field, but those that tell being absent from being empty.
fn is_always_written(field: &FieldDescriptorProto) -> bool {
    let is_one_message = field.r#type() == Type::Message && field.label() != Label::Repeated;
    !field.proto3_optional() && !is_one_message
}

/// Adds the bound of a name. Bounds are bytes, and no text has more characters than bytes.
fn bound(schema: &mut Value, field: &str) {
    let most = match field {
        "from" | "to" | "member" | "members" | "with" | "group" | "group_name" | "group_members"
        | "owner" | "message_id" => ID_BYTES_MAX,
        "title" => TITLE_BYTES_MAX,
        _ => return,
    };
    schema["maxLength"] = most.into();
}
