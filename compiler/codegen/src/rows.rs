//! The modules `types` and `rows`: ids, enums, ordinals, records, unions; truth objects, locals and runs as structs.

use crate::gen_::{Gen, Scope};
use crate::layout::{Column, ColumnOf, Kind, KindOf};
use crate::model::instance_name;
use crate::names::ident;
use crate::refusal::Refusal;
use arch_base::Idx;
use arch_ir::{Init, Protocol, ProtocolId, SortId, Status, Type, VarId};
use proc_macro2::TokenStream;
use quote::quote;

type Tokens = Result<TokenStream, Refusal>;

impl Gen<'_> {
    /// The module of types.
    pub fn types_module(&self) -> Tokens {
        let mut code = TokenStream::new();
        for id in self.program.sorts.indices() {
            code.extend(self.id_type(id));
        }
        for (id, ordinal) in self.program.ordinals.iter_enumerated() {
            code.extend(ordinal_type(self.layout.ordinal(id), &ordinal.name));
        }
        for (id, e) in self.program.enums.iter_enumerated() {
            let (name, variants) = self.layout.enumeration(id);
            code.extend(enum_type(name, variants, &e.name, &e.constants));
        }
        for (id, record) in self.program.records.iter_enumerated() {
            code.extend(self.record_type(id.index(), &record.name));
        }
        for (id, union) in self.program.unions.iter_enumerated() {
            code.extend(self.union_type(id.index(), &union.name));
        }
        Ok(code)
    }

    fn id_type(&self, id: SortId) -> TokenStream {
        let sort = &self.program.sorts[id];
        let (name, word, actor) = (ident(self.layout.sort(id)), &sort.name, sort.actor);
        let model = (0..sort.size).map(|n| instance_name(self.program, id, n));
        let doc = if actor {
            format!(" An instance of the actor `{word}`.")
        } else {
            format!(" An id of type `{word}`.")
        };
        quote! {
            #[doc = #doc]
            #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
            pub struct #name(pub SmolStr);
            impl #name {
                #[doc = " All instances."]
                #[doc = ""]
                #[doc = " # Panics"]
                #[doc = " The list of them is open."]
                pub fn all(members: &Members) -> Vec<#name> {
                    members.all(#word).iter().cloned().map(#name).collect()
                }
                #[doc = " The instance at a position."]
                pub fn nth(members: &Members, n: usize) -> #name {
                    #name(members.nth(#word, n, &[#(#model),*]))
                }
                #[doc = " What can be picked: all instances, or any where the list is open."]
                pub fn domain(members: &Members) -> Domain<#name> {
                    match members.of(#word) {
                        Some(all) => Domain::Of(all.iter().cloned().map(#name).collect()),
                        None => Domain::Open,
                    }
                }
                #[doc = " The next instance, or the one before, on the ring of all."]
                pub fn neighbour(members: &Members, of: &#name, back: bool) -> #name {
                    #name(members.neighbour(#word, &of.0, back))
                }
            }
            impl Typed for #name {
                fn to_value(&self) -> Value {
                    Value::Id(self.0.clone())
                }
                fn from_value(value: &Value) -> Option<Self> {
                    match value {
                        Value::Id(id) => Some(#name(id.clone())),
                        _ => None,
                    }
                }
            }
        }
    }

    fn record_type(&self, i: usize, word: &str) -> TokenStream {
        let (name, names) = &self.layout.records[i];
        let declared = &self.program.records[arch_ir::RecordId::new(i)].fields;
        let name = ident(name);
        let fields: Vec<_> = names.iter().map(|n| ident(n)).collect();
        let types: Vec<_> = declared.iter().map(|f| self.ty(&f.ty)).collect();
        let places = 0..fields.len();
        let described = declared.iter().map(|f| self.field_descriptor(&f.name, &f.ty));
        let doc = format!(" The record `{word}`.");
        quote! {
            #[doc = #doc]
            #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
            pub struct #name { #(pub #fields: #types),* }
            impl #name {
                #[doc = " Its type, for stores."]
                pub fn ty() -> Type {
                    Type::record(#word, vec![#(#described),*])
                }
            }
            impl Typed for #name {
                fn to_value(&self) -> Value {
                    Value::Record(vec![#(self.#fields.to_value()),*])
                }
                fn from_value(value: &Value) -> Option<Self> {
                    let Value::Record(fields) = value else { return None };
                    Some(#name { #(#fields: Typed::from_value(fields.get(#places)?)?),* })
                }
            }
        }
    }

    fn field_descriptor(&self, name: &str, ty: &Type) -> TokenStream {
        let ty = self.descriptor(ty);
        quote!(Field { name: #name.into(), ty: #ty })
    }

    fn union_type(&self, i: usize, word: &str) -> TokenStream {
        let (name, variants) = &self.layout.unions[i];
        let declared = &self.program.unions[arch_ir::UnionId::new(i)].variants;
        let name = ident(name);
        let (mut arms, mut to, mut from, mut described) =
            (TokenStream::new(), TokenStream::new(), TokenStream::new(), Vec::new());
        for ((variant, names), v) in variants.iter().zip(declared) {
            let (variant, tag) = (ident(variant), &v.name);
            let fields: Vec<_> = names.iter().map(|n| ident(n)).collect();
            let types: Vec<_> = v.fields.iter().map(|f| self.ty(&f.ty)).collect();
            let places = 0..fields.len();
            let doc = format!(" `{tag}`");
            arms.extend(quote!(#[doc = #doc] #variant { #(#fields: #types),* },));
            to.extend(quote!(#name::#variant { #(#fields),* } =>
                Value::Variant(#tag.into(), vec![#(#fields.to_value()),*]),));
            from.extend(quote!(Value::Variant(tag, fields) if tag == #tag =>
                Some(#name::#variant { #(#fields: Typed::from_value(fields.get(#places)?)?),* }),));
            let parts = v.fields.iter().map(|f| self.field_descriptor(&f.name, &f.ty));
            described.push(quote!(Variant { name: #tag.into(), fields: vec![#(#parts),*] }));
        }
        let doc = format!(" The tagged union `{word}`.");
        quote! {
            #[doc = #doc]
            #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
            pub enum #name { #arms }
            impl #name {
                #[doc = " Its type, for stores."]
                pub fn ty() -> Type {
                    Type::Union(Arc::new(UnionType { name: #word.into(), variants: vec![#(#described),*] }))
                }
            }
            impl Typed for #name {
                fn to_value(&self) -> Value {
                    match self { #to }
                }
                fn from_value(value: &Value) -> Option<Self> {
                    match value { #from _ => None }
                }
            }
        }
    }

    /// The module of rows.
    pub fn rows_module(&self) -> Tokens {
        let mut code = TokenStream::new();
        for (id, protocol) in self.program.protocols.iter_enumerated() {
            code.extend(self.run_key(id, protocol));
            code.extend(self.sub_run_items(id));
            if !protocol.rule {
                code.extend(self.status_type(id, protocol));
            }
        }
        for (i, kind) in self.layout.kinds.iter().enumerate() {
            code.extend(self.row(i, kind)?);
        }
        Ok(code)
    }

    fn run_key(&self, id: ProtocolId, protocol: &Protocol) -> TokenStream {
        let names = self.layout.protocol(id);
        let key = ident(&names.key);
        let fields: Vec<_> = names.keys.iter().map(|k| ident(&k.field)).collect();
        let types: Vec<_> = names.keys.iter().map(|k| self.ty(&k.ty)).collect();
        let (places, count) = (0..fields.len(), fields.len());
        let doc = format!(" Which run of `{}`.", protocol.name);
        let mut all = quote!(vec![#key { #(#fields: #fields.clone()),* }]);
        for (key_column, field) in names.keys.iter().zip(&fields).rev() {
            let domain = match &key_column.ty {
                Type::Id(sort) => {
                    let sort = ident(self.layout.sort(*sort));
                    quote!(#sort::all(members))
                }
                _ => {
                    let copies = i64::from(protocol.copies);
                    quote!((0..#copies))
                }
            };
            all = quote!(#domain.into_iter().flat_map(|#field| #all).collect::<Vec<_>>());
        }
        quote! {
            #[doc = #doc]
            #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
            pub struct #key { #(pub #fields: #types),* }
            impl #key {
                #[doc = " All runs, where the lists of instances are closed."]
                pub fn all(members: &Members) -> Vec<#key> {
                    let _ = members;
                    #all
                }
            }
            impl Key for #key {
                fn to_parts(&self) -> Box<[Value]> {
                    Box::new([#(self.#fields.to_value()),*])
                }
                fn from_parts(parts: &[Value]) -> Option<Self> {
                    if parts.len() != #count { return None; }
                    Some(#key { #(#fields: Typed::from_value(&parts[#places])?),* })
                }
            }
        }
    }

    fn status_type(&self, id: ProtocolId, protocol: &Protocol) -> TokenStream {
        let names = self.layout.protocol(id);
        let doc = format!("where a run of `{}` is", protocol.name);
        let variants: Vec<String> = names.statuses.iter().map(|s| s.rust.clone()).collect();
        let words: Vec<String> = names.statuses.iter().map(|s| s.word.clone()).collect();
        let status = ident(&names.status);
        let under_way: Vec<_> = names
            .statuses
            .iter()
            .filter(|s| matches!(s.status, Status::At(..)))
            .map(|s| ident(&s.rust))
            .collect();
        let code = enum_type(&names.status, &variants, &format!("{}_status", protocol.name), &words);
        quote! {
            #code
            impl #status {
                #[doc = " Whether the run has begun and not ended."]
                #[doc = #doc]
                pub fn is_unfinished(self) -> bool {
                    matches!(self, #(#status::#under_way)|*)
                }
            }
        }
    }

    fn row(&self, i: usize, kind: &Kind) -> Tokens {
        let name = ident(&kind.rust);
        let key = self.key_type(kind);
        let number = i as u16;
        let fields: Vec<_> = kind.columns.iter().map(|c| ident(&c.field)).collect();
        let types: Vec<_> = kind.columns.iter().map(|c| self.column_type(kind, c)).collect();
        let docs: Vec<_> = kind.columns.iter().map(|c| self.column_doc(kind, c)).collect();
        let (mut initial, mut outside) = (Vec::new(), Vec::new());
        for column in &kind.columns {
            initial.push(self.column_initial(kind, column)?);
            outside.push(self.column_default(kind, column)?);
        }
        let (from, to) = self.row_codec(kind)?;
        let has_key = has_key(kind);
        let doc = match kind.of {
            KindOf::Truth(_) if kind.ghost => {
                format!(" `ghost truth {}`: properties speak of it; services do not store it.", kind.name)
            }
            KindOf::Truth(_) => format!(" `truth {}` · {}", kind.name, self.place(kind.span)),
            KindOf::Local(_) => {
                format!(" The locals of an instance of `{}` · {}", kind.name, self.place(kind.span))
            }
            KindOf::Run(_) => format!(" A run of `{}` · {}", kind.name, self.place(kind.span)),
        };
        let key_binding = self.key_binding(kind);
        let count = kind.columns.len();
        Ok(quote! {
            #[doc = #doc]
            #[derive(Clone, PartialEq, Eq, Debug)]
            pub struct #name { #(#[doc = #docs] pub #fields: #types),* }
            impl Record for #name {
                type Key = #key;
                const KIND: KindId = KindId(#number);
                fn initial(key: &#key, members: &Members) -> Self {
                    #key_binding
                    let _ = (key, members);
                    #name { #(#fields: #initial),* }
                }
                fn outside(members: &Members) -> Self {
                    let _ = members;
                    #name { #(#fields: #outside),* }
                }
                fn has_key(key: &#key) -> bool {
                    let _ = key;
                    #has_key
                }
                fn from_row(row: &[Value]) -> Option<Self> {
                    if row.len() != #count { return None; }
                    Some(#name { #(#fields: #from),* })
                }
                fn to_row(&self) -> Row {
                    vec![#(#to),*]
                }
            }
        })
    }

    /// The type of a kind's keys.
    pub fn key_type(&self, kind: &Kind) -> TokenStream {
        if let KindOf::Run(id) = kind.of {
            return self.name(&self.layout.protocol(id).key);
        }
        let types: Vec<_> = kind.keys.iter().map(|k| self.ty(&k.ty)).collect();
        match types.len() {
            0 => quote!(()),
            1 => quote!(#(#types)*),
            _ => quote!((#(#types),*)),
        }
    }

    fn column_type(&self, kind: &Kind, column: &Column) -> TokenStream {
        match (column.of, kind.of) {
            (ColumnOf::Status, KindOf::Run(id)) => self.name(&self.layout.protocol(id).status),
            _ => self.ty(&column.ty),
        }
    }

    fn column_doc(&self, kind: &Kind, column: &Column) -> String {
        match column.of {
            ColumnOf::Var(var) => {
                let span = self.program.vars[var].span;
                format!(" `{}`", self.quoted(span).join(" ").trim())
            }
            ColumnOf::Status => " Where it is.".into(),
            ColumnOf::Role(role) => match kind.of {
                KindOf::Run(id) => format!(" The role `{}`.", self.program.protocols[id].roles[role].name),
                _ => String::new(),
            },
            ColumnOf::RunVar(_) => format!(" The run's `{}`.", column.name),
            ColumnOf::Key(_) | ColumnOf::Copy => String::new(),
        }
    }

    fn column_initial(&self, kind: &Kind, column: &Column) -> Tokens {
        let members = quote!(members);
        match (column.of, kind.of) {
            (ColumnOf::Status, KindOf::Run(id)) => {
                let status = ident(&self.layout.protocol(id).status);
                Ok(quote!(#status::Idle))
            }
            (ColumnOf::Role(_), _) => Ok(quote!(None)),
            (ColumnOf::RunVar(var), KindOf::Run(id)) => {
                let declared = &self.program.protocols[id].vars[var];
                self.literal(&declared.ty, &declared.init, &members, declared.span)
            }
            (ColumnOf::Var(var), _) => self.var_initial(var),
            _ => self.default(&column.ty, &members, kind.span),
        }
    }

    fn var_initial(&self, var: VarId) -> Tokens {
        let declared = &self.program.vars[var];
        match &declared.init {
            Init::Any => self.default(&declared.ty, &quote!(members), declared.span),
            Init::Value { keys, value } => {
                let mut scope = Scope::initial();
                for (i, slot) in keys.iter().enumerate() {
                    scope.slots.push((*slot, ident(&format!("key_{i}"))));
                }
                self.as_type(&scope, value, &declared.ty)
            }
        }
    }

    /// Binds the parts of a key to the names that initial values use.
    fn key_binding(&self, kind: &Kind) -> TokenStream {
        match (kind.of, kind.keys.len()) {
            (KindOf::Run(_), _) | (_, 0) => quote!(),
            (_, 1) => quote!(let key_0 = key;),
            (_, n) => {
                let names = (0..n).map(|i| ident(&format!("key_{i}")));
                quote!(let (#(#names),*) = key;)
            }
        }
    }

    fn column_default(&self, kind: &Kind, column: &Column) -> Tokens {
        match (column.of, kind.of) {
            (ColumnOf::Var(_), _) => self.default(&column.ty, &quote!(members), kind.span),
            _ => self.column_initial(kind, column),
        }
    }

    /// For each column, how it is read from `row` and written.
    fn row_codec(&self, kind: &Kind) -> Result<(Vec<TokenStream>, Vec<TokenStream>), Refusal> {
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for (i, column) in kind.columns.iter().enumerate() {
            let field = ident(&column.field);
            to.push(quote!(self.#field.to_value()));
            from.push(match &column.ty {
                Type::Map(_, of) if matches!(column.of, ColumnOf::Var(_) | ColumnOf::RunVar(_)) => {
                    let default = self.map_default(of, kind)?;
                    quote!(Total::from_value(&row[#i], #default)?)
                }
                _ => quote!(Typed::from_value(&row[#i])?),
            });
        }
        Ok((from, to))
    }

    fn map_default(&self, of: &Type, kind: &Kind) -> Tokens {
        if let Type::Id(_) = of {
            return Err(Refusal::new(
                kind.span,
                "a map to instances: which one is the default is not known to a service",
            )
            .help("let its values be optional"));
        }
        self.default(of, &quote!(Members::default()), kind.span)
    }

    /// The expression of a kind's schema.
    pub fn kind_schema(&self, kind: &Kind) -> TokenStream {
        let name = &kind.name;
        let start = match kind.of {
            KindOf::Truth(_) => quote!(Kind::truth(#name)),
            KindOf::Run(_) => quote!(Kind::run(#name)),
            KindOf::Local(_) => quote!(Kind { class: KindClass::Local, ..Kind::truth(#name) }),
        };
        let keys = kind.keys.iter().map(|k| {
            let (name, ty) = (&k.name, self.descriptor(&k.ty));
            quote!(.key(#name, #ty))
        });
        let columns = kind.columns.iter().map(|c| {
            let name = &c.name;
            let ty = match (c.of, kind.of) {
                (ColumnOf::Status, KindOf::Run(id)) => {
                    let status = ident(&self.layout.protocol(id).status);
                    quote!(#status::ty())
                }
                _ => self.descriptor(&c.ty),
            };
            quote!(.column(#name, #ty))
        });
        quote!(#start #(#keys)* #(#columns)*)
    }
}

/// Whether a key is one of the kind's, as code.
fn has_key(kind: &Kind) -> TokenStream {
    let parts = kind.keys.iter().enumerate().filter_map(|(i, key)| {
        let Type::Int(range) = &key.ty else { return None };
        let (lo, hi) = (crate::types::int(range.lo), crate::types::int(range.hi));
        let part = match (kind.of, kind.keys.len()) {
            (KindOf::Run(_), _) => {
                let field = ident(&key.field);
                quote!(key.#field)
            }
            (_, 1) => quote!(*key),
            _ => {
                let i = syn::Index::from(i);
                quote!(key.#i)
            }
        };
        Some(quote!((#lo..=#hi).contains(&#part)))
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { quote!(true) } else { quote!(#(#parts)&&*) }
}

fn ordinal_type(name: &str, word: &str) -> TokenStream {
    let name = ident(name);
    let doc = format!(" The ordinal `{word}`: only compared, copied and advanced.");
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
        pub struct #name(pub u64);
        impl Typed for #name {
            fn to_value(&self) -> Value {
                Value::Ordinal(self.0)
            }
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Ordinal(n) => Some(#name(*n)),
                    _ => None,
                }
            }
        }
    }
}

fn enum_type(name: &str, variants: &[String], word: &str, constants: &[String]) -> TokenStream {
    let name = ident(name);
    let docs = constants.iter().map(|c| format!(" `{c}`"));
    let doc = format!(" `{word}`");
    let variants: Vec<_> = variants.iter().map(|v| ident(v)).collect();
    let count = variants.len();
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum #name { #(#[doc = #docs] #variants),* }
        impl #name {
            #[doc = " All of them, in order."]
            pub const ALL: [#name; #count] = [#(#name::#variants),*];
            #[doc = " Its type, for stores."]
            pub fn ty() -> Type {
                Type::enumeration(#word, &[#(#constants),*])
            }
            #[doc = " As the stores keep it."]
            pub fn word(self) -> &'static str {
                match self { #(#name::#variants => #constants),* }
            }
        }
        impl Typed for #name {
            fn to_value(&self) -> Value {
                Value::constant(self.word())
            }
            fn from_value(value: &Value) -> Option<Self> {
                let Value::Enum(word) = value else { return None };
                #name::ALL.into_iter().find(|c| c.word() == word)
            }
        }
    }
}
