//! Rust types, literals and defaults of the language's types.

use crate::gen_::Gen;
use crate::names::ident;
use crate::refusal::Refusal;
use arch_base::Span;
use arch_ir::types::PAST;
use arch_ir::{Field, Program, RangePolicy, Type, Value};
use proc_macro2::TokenStream;
use quote::quote;

type Tokens = Result<TokenStream, Refusal>;

impl Gen<'_> {
    /// The Rust type of a type. Bounds are not part of it.
    pub fn ty(&self, ty: &Type) -> TokenStream {
        match ty {
            Type::Bool => quote!(bool),
            Type::Int(_) => quote!(i64),
            Type::Enum(id) => self.name(&self.layout.enumeration(*id).0),
            Type::Id(id) => self.name(self.layout.sort(*id)),
            Type::Optional(inner) => {
                let inner = self.ty(inner);
                quote!(Option<#inner>)
            }
            Type::Ordinal(id) => self.name(self.layout.ordinal(*id)),
            Type::Time => quote!(Instant),
            Type::Run(id) => self.name(&self.layout.protocol(*id).key),
            Type::Set(of, _) => {
                let of = self.ty(of);
                quote!(BTreeSet<#of>)
            }
            Type::Map(key, value) => {
                let (key, value) = (self.ty(key), self.ty(value));
                quote!(Total<#key, #value>)
            }
            Type::Seq(of, _) => {
                let of = self.ty(of);
                quote!(Vec<#of>)
            }
            Type::Record(id) => self.name(&self.layout.record(*id).0),
            Type::Union(id) => self.name(&self.layout.union(*id).0),
            Type::Null | Type::Unknown => quote!(()),
        }
    }

    pub(crate) fn name(&self, name: &str) -> TokenStream {
        let name = ident(name);
        quote!(#name)
    }

    /// The runtime's description of a type, as code.
    pub fn descriptor(&self, ty: &Type) -> TokenStream {
        let program = self.program;
        match ty {
            Type::Bool => quote!(Type::Bool),
            Type::Int(int) => {
                let (lo, hi) = (int.lo, int.hi);
                quote!(Type::Int { lo: #lo, hi: #hi })
            }
            Type::Enum(id) => {
                let name = self.name(&self.layout.enumeration(*id).0);
                quote!(#name::ty())
            }
            Type::Id(id) => {
                let name = &program.sorts[*id].name;
                quote!(Type::id(#name))
            }
            Type::Optional(inner) => {
                let inner = self.descriptor(inner);
                quote!(#inner.optional())
            }
            Type::Ordinal(id) => {
                let name = &program.ordinals[*id].name;
                quote!(Type::ordinal(#name))
            }
            Type::Time => quote!(Type::Time),
            Type::Set(of, max) => {
                let of = self.descriptor(of);
                let max = max.map_or_else(|| quote!(None), |max| quote!(Some(#max)));
                quote!(Type::Set { of: Box::new(#of), max: #max })
            }
            Type::Map(key, value) => {
                let (key, value) = (self.descriptor(key), self.descriptor(value));
                quote!(Type::Map { key: Box::new(#key), value: Box::new(#value) })
            }
            Type::Seq(of, max) => {
                let of = self.descriptor(of);
                quote!(Type::Seq { of: Box::new(#of), max: #max })
            }
            Type::Record(id) => {
                let name = self.name(&self.layout.record(*id).0);
                quote!(#name::ty())
            }
            Type::Union(id) => {
                let name = self.name(&self.layout.union(*id).0);
                quote!(#name::ty())
            }
            Type::Run(_) | Type::Null | Type::Unknown => quote!(Type::Bool),
        }
    }

    /// A literal. `members` names the closed lists of instances.
    pub fn literal(&self, ty: &Type, value: &Value, members: &TokenStream, span: Span) -> Tokens {
        Ok(match (ty, value) {
            (_, Value::Null) => quote!(None),
            (Type::Optional(inner), value) => {
                let inner = self.literal(inner, value, members, span)?;
                quote!(Some(#inner))
            }
            (_, Value::Bool(b)) => quote!(#b),
            (_, Value::Int(n)) => int(*n),
            (Type::Enum(id), Value::Enum(n)) => {
                let (name, constants) = self.layout.enumeration(*id);
                let (name, constant) = (ident(name), ident(&constants[*n as usize]));
                quote!(#name::#constant)
            }
            (Type::Id(sort), Value::Id(n)) => {
                let (name, n) = (ident(self.layout.sort(*sort)), *n as usize);
                quote!(#name::nth(#members, #n))
            }
            (Type::Ordinal(id), Value::Ordinal(n)) => {
                let (name, n) = (ident(self.layout.ordinal(*id)), u64::from(*n));
                quote!(#name(#n))
            }
            (Type::Time, Value::Time(t)) if *t <= PAST / 2 => quote!(Instant::PAST),
            (Type::Time, _) => {
                return Err(Refusal::new(
                    span,
                    "an instant that is neither the past nor taken from `now` by a step",
                )
                .help("let it start in the past"));
            }
            (Type::Set(of, _), Value::Set(all)) => {
                let all: Vec<_> =
                    all.iter().map(|v| self.literal(of, v, members, span)).collect::<Result<_, _>>()?;
                {
                    let of = self.ty(of);
                    quote!(BTreeSet::<#of>::from([#(#all),*]))
                }
            }
            (Type::Seq(of, _), Value::Seq(all)) => {
                let all: Vec<_> =
                    all.iter().map(|v| self.literal(of, v, members, span)).collect::<Result<_, _>>()?;
                {
                    let of = self.ty(of);
                    quote!(Vec::<#of>::from([#(#all),*]))
                }
            }
            (Type::Map(key, of), Value::Map(all)) => {
                let default = self.program.default_value(of);
                let start = self.literal(of, &default, members, span)?;
                let mut map = quote!(Total::all(#start));
                for (k, v) in all.iter().filter(|(_, v)| **v != default) {
                    let (k, v) = (self.literal(key, k, members, span)?, self.literal(of, v, members, span)?);
                    map = quote!(#map.with(#k, #v));
                }
                map
            }
            (Type::Record(id), Value::Record(values)) => {
                let (name, names) = self.layout.record(*id);
                let fields = self.fields(&self.program.records[*id].fields, names, values, members, span)?;
                let name = ident(name);
                quote!((#name { #fields }))
            }
            (Type::Union(id), Value::Variant(tag, values)) => {
                let (name, variants) = self.layout.union(*id);
                let (variant, names) = &variants[*tag as usize];
                let declared = &self.program.unions[*id].variants[*tag as usize].fields;
                let fields = self.fields(declared, names, values, members, span)?;
                let (name, variant) = (ident(name), ident(variant));
                quote!((#name::#variant { #fields }))
            }
            _ => return Err(Refusal::new(span, "a constant of a type that cannot be written")),
        })
    }

    fn fields(
        &self,
        declared: &[Field],
        names: &[String],
        values: &[Value],
        members: &TokenStream,
        span: Span,
    ) -> Tokens {
        let mut fields = TokenStream::new();
        for ((field, name), value) in declared.iter().zip(names).zip(values) {
            let (name, value) = (ident(name), self.literal(&field.ty, value, members, span)?);
            fields.extend(quote!(#name: #value,));
        }
        Ok(fields)
    }

    /// The default of a type.
    pub fn default(&self, ty: &Type, members: &TokenStream, span: Span) -> Tokens {
        self.literal(ty, &self.program.default_value(ty), members, span)
    }
}

/// An integer literal.
pub fn int(n: i64) -> TokenStream {
    if n == i64::MIN {
        return quote!(i64::MIN);
    }
    let magnitude = proc_macro2::Literal::i64_unsuffixed(n.abs());
    if n < 0 { quote!((-#magnitude)) } else { quote!(#magnitude) }
}

/// The runtime's name of a policy.
pub fn policy(policy: RangePolicy) -> TokenStream {
    match policy {
        RangePolicy::Report => quote!(Policy::Report),
        RangePolicy::Clamp => quote!(Policy::Clamp),
        RangePolicy::Wrap => quote!(Policy::Wrap),
        RangePolicy::Cut => quote!(Policy::Cut),
    }
}

/// Whether values of a type are assigned without any bound.
pub fn is_unbounded(program: &Program, ty: &Type) -> bool {
    let all = |fields: &[Field]| fields.iter().all(|f| is_unbounded(program, &f.ty));
    match ty {
        Type::Int(_) | Type::Seq(..) | Type::Set(_, Some(_)) => false,
        Type::Optional(of) | Type::Set(of, None) | Type::Map(_, of) => is_unbounded(program, of),
        Type::Record(id) => all(&program.records[*id].fields),
        Type::Union(id) => program.unions[*id].variants.iter().all(|v| all(&v.fields)),
        _ => true,
    }
}
