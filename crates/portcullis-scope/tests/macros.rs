//! What the macro makes, and what it refuses to compile.

#![deny(missing_docs, missing_debug_implementations)]

use portcullis_scope::{Catalogue, Scope, ScopeSet};

mod shop {
    portcullis_scope::catalogue! {
        /// What may be done in the shop.
        pub(crate) Shop {
            GOODS_READ = "goods:read", "See the goods";
            /// Prices as well.
            GOODS_WRITE = "goods:write" => GOODS_READ, "Change the goods";
            ORDERS = "orders:read", "See the orders";
            ADMIN = "shop:admin" => [GOODS_WRITE, ORDERS,], "Everything"
        }
        retired { "goods:purge", "orders:purge" }
        renamed { "goods:edit" => GOODS_WRITE, "shop:root" => ADMIN }
    }
}

use shop::Shop;

#[test]
fn constants_name_the_scopes() {
    const ADMIN: Scope = Shop::ADMIN;
    assert_eq!(ADMIN.as_str(), "shop:admin");
    assert_eq!(Shop::GOODS_READ, "goods:read");
}

#[test]
fn the_catalogue_is_the_one_that_a_builder_makes() {
    let built = Catalogue::builder()
        .scope(Shop::GOODS_READ, "")
        .scope_implying(Shop::GOODS_WRITE, [Shop::GOODS_READ], "")
        .scope("orders:read", "")
        .scope_implying("shop:admin", ["goods:write", "orders:read"], "")
        .retired("other:name")
        .renamed("shop:root", "shop:admin")
        .renamed("goods:edit", "goods:write")
        .build()
        .unwrap();
    assert_eq!(Shop::catalogue(), built);
    assert_eq!(Shop::catalogue().fingerprint(), built.fingerprint());

    let entries: Vec<_> = Shop::catalogue()
        .scopes()
        .map(|entry| {
            (
                entry.scope.clone(),
                entry.description.to_owned(),
                entry.implies.to_vec(),
            )
        })
        .collect();
    assert_eq!(
        entries[0],
        (Shop::GOODS_READ, "See the goods".to_owned(), vec![])
    );
    let implied = vec![Shop::GOODS_WRITE, Shop::ORDERS];
    assert_eq!(entries[3], (Shop::ADMIN, "Everything".to_owned(), implied));
}

#[test]
fn implication_goes_all_the_way_down() {
    let catalogue = Shop::catalogue();
    let set = |scopes: &[Scope]| catalogue.set(scopes).unwrap();
    assert_eq!(set(&[Shop::ADMIN]), catalogue.all());
    assert!(set(&[Shop::GOODS_READ]).is_subset_of(&set(&[Shop::ADMIN])));
    assert!(!set(&[Shop::ORDERS]).is_subset_of(&set(&[Shop::GOODS_WRITE])));
    assert_eq!(
        set(&[Shop::ORDERS]).intersect(&set(&[Shop::GOODS_WRITE])),
        ScopeSet::EMPTY
    );
}

/// As the front door does it.
mod front {
    pub(crate) use portcullis_scope::catalogue;
}

#[test]
fn the_macro_works_where_it_is_re_exported_and_in_a_function() {
    front::catalogue! {
        Local { ONE = "one:use", "Use it"; }
    }
    let local = Local::catalogue();
    assert_eq!(local.set([Local::ONE]), Ok(local.all()));
}

#[test]
fn given_up_names_are_listed() {
    let catalogue = Shop::catalogue();
    assert!(
        catalogue
            .retired()
            .map(Scope::as_str)
            .eq(["goods:purge", "orders:purge"])
    );
    let renamed: Vec<_> = catalogue
        .renamed()
        .map(|(old, new)| (old.as_str(), new.as_str()))
        .collect();
    assert_eq!(
        renamed,
        [("goods:edit", "goods:write"), ("shop:root", "shop:admin")]
    );
    assert_eq!(
        catalogue.entry("goods:edit").unwrap().scope,
        &Shop::GOODS_WRITE
    );
}

#[test]
fn what_is_wrong_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}

// The most that a catalogue can have, with names alike but for their last characters: so much must
// still be checked while compiling.
portcullis_scope::catalogue! {
    /// As large as can be.
    Large {
        S000 = "resource-with-a-long-name:act-000", "Use";
        S001 = "resource-with-a-long-name:act-001" => S000, "Use";
        S002 = "resource-with-a-long-name:act-002" => S001, "Use";
        S003 = "resource-with-a-long-name:act-003" => S002, "Use";
        S004 = "resource-with-a-long-name:act-004" => S003, "Use";
        S005 = "resource-with-a-long-name:act-005" => S004, "Use";
        S006 = "resource-with-a-long-name:act-006" => S005, "Use";
        S007 = "resource-with-a-long-name:act-007" => S006, "Use";
        S008 = "resource-with-a-long-name:act-008" => S007, "Use";
        S009 = "resource-with-a-long-name:act-009" => S008, "Use";
        S010 = "resource-with-a-long-name:act-010" => S009, "Use";
        S011 = "resource-with-a-long-name:act-011" => S010, "Use";
        S012 = "resource-with-a-long-name:act-012" => S011, "Use";
        S013 = "resource-with-a-long-name:act-013" => S012, "Use";
        S014 = "resource-with-a-long-name:act-014" => S013, "Use";
        S015 = "resource-with-a-long-name:act-015" => S014, "Use";
        S016 = "resource-with-a-long-name:act-016" => S015, "Use";
        S017 = "resource-with-a-long-name:act-017" => S016, "Use";
        S018 = "resource-with-a-long-name:act-018" => S017, "Use";
        S019 = "resource-with-a-long-name:act-019" => S018, "Use";
        S020 = "resource-with-a-long-name:act-020" => S019, "Use";
        S021 = "resource-with-a-long-name:act-021" => S020, "Use";
        S022 = "resource-with-a-long-name:act-022" => S021, "Use";
        S023 = "resource-with-a-long-name:act-023" => S022, "Use";
        S024 = "resource-with-a-long-name:act-024" => S023, "Use";
        S025 = "resource-with-a-long-name:act-025" => S024, "Use";
        S026 = "resource-with-a-long-name:act-026" => S025, "Use";
        S027 = "resource-with-a-long-name:act-027" => S026, "Use";
        S028 = "resource-with-a-long-name:act-028" => S027, "Use";
        S029 = "resource-with-a-long-name:act-029" => S028, "Use";
        S030 = "resource-with-a-long-name:act-030" => S029, "Use";
        S031 = "resource-with-a-long-name:act-031" => S030, "Use";
        S032 = "resource-with-a-long-name:act-032" => S031, "Use";
        S033 = "resource-with-a-long-name:act-033" => S032, "Use";
        S034 = "resource-with-a-long-name:act-034" => S033, "Use";
        S035 = "resource-with-a-long-name:act-035" => S034, "Use";
        S036 = "resource-with-a-long-name:act-036" => S035, "Use";
        S037 = "resource-with-a-long-name:act-037" => S036, "Use";
        S038 = "resource-with-a-long-name:act-038" => S037, "Use";
        S039 = "resource-with-a-long-name:act-039" => S038, "Use";
        S040 = "resource-with-a-long-name:act-040" => S039, "Use";
        S041 = "resource-with-a-long-name:act-041" => S040, "Use";
        S042 = "resource-with-a-long-name:act-042" => S041, "Use";
        S043 = "resource-with-a-long-name:act-043" => S042, "Use";
        S044 = "resource-with-a-long-name:act-044" => S043, "Use";
        S045 = "resource-with-a-long-name:act-045" => S044, "Use";
        S046 = "resource-with-a-long-name:act-046" => S045, "Use";
        S047 = "resource-with-a-long-name:act-047" => S046, "Use";
        S048 = "resource-with-a-long-name:act-048" => S047, "Use";
        S049 = "resource-with-a-long-name:act-049" => S048, "Use";
        S050 = "resource-with-a-long-name:act-050" => S049, "Use";
        S051 = "resource-with-a-long-name:act-051" => S050, "Use";
        S052 = "resource-with-a-long-name:act-052" => S051, "Use";
        S053 = "resource-with-a-long-name:act-053" => S052, "Use";
        S054 = "resource-with-a-long-name:act-054" => S053, "Use";
        S055 = "resource-with-a-long-name:act-055" => S054, "Use";
        S056 = "resource-with-a-long-name:act-056" => S055, "Use";
        S057 = "resource-with-a-long-name:act-057" => S056, "Use";
        S058 = "resource-with-a-long-name:act-058" => S057, "Use";
        S059 = "resource-with-a-long-name:act-059" => S058, "Use";
        S060 = "resource-with-a-long-name:act-060" => S059, "Use";
        S061 = "resource-with-a-long-name:act-061" => S060, "Use";
        S062 = "resource-with-a-long-name:act-062" => S061, "Use";
        S063 = "resource-with-a-long-name:act-063" => S062, "Use";
        S064 = "resource-with-a-long-name:act-064" => S063, "Use";
        S065 = "resource-with-a-long-name:act-065" => S064, "Use";
        S066 = "resource-with-a-long-name:act-066" => S065, "Use";
        S067 = "resource-with-a-long-name:act-067" => S066, "Use";
        S068 = "resource-with-a-long-name:act-068" => S067, "Use";
        S069 = "resource-with-a-long-name:act-069" => S068, "Use";
        S070 = "resource-with-a-long-name:act-070" => S069, "Use";
        S071 = "resource-with-a-long-name:act-071" => S070, "Use";
        S072 = "resource-with-a-long-name:act-072" => S071, "Use";
        S073 = "resource-with-a-long-name:act-073" => S072, "Use";
        S074 = "resource-with-a-long-name:act-074" => S073, "Use";
        S075 = "resource-with-a-long-name:act-075" => S074, "Use";
        S076 = "resource-with-a-long-name:act-076" => S075, "Use";
        S077 = "resource-with-a-long-name:act-077" => S076, "Use";
        S078 = "resource-with-a-long-name:act-078" => S077, "Use";
        S079 = "resource-with-a-long-name:act-079" => S078, "Use";
        S080 = "resource-with-a-long-name:act-080" => S079, "Use";
        S081 = "resource-with-a-long-name:act-081" => S080, "Use";
        S082 = "resource-with-a-long-name:act-082" => S081, "Use";
        S083 = "resource-with-a-long-name:act-083" => S082, "Use";
        S084 = "resource-with-a-long-name:act-084" => S083, "Use";
        S085 = "resource-with-a-long-name:act-085" => S084, "Use";
        S086 = "resource-with-a-long-name:act-086" => S085, "Use";
        S087 = "resource-with-a-long-name:act-087" => S086, "Use";
        S088 = "resource-with-a-long-name:act-088" => S087, "Use";
        S089 = "resource-with-a-long-name:act-089" => S088, "Use";
        S090 = "resource-with-a-long-name:act-090" => S089, "Use";
        S091 = "resource-with-a-long-name:act-091" => S090, "Use";
        S092 = "resource-with-a-long-name:act-092" => S091, "Use";
        S093 = "resource-with-a-long-name:act-093" => S092, "Use";
        S094 = "resource-with-a-long-name:act-094" => S093, "Use";
        S095 = "resource-with-a-long-name:act-095" => S094, "Use";
        S096 = "resource-with-a-long-name:act-096" => S095, "Use";
        S097 = "resource-with-a-long-name:act-097" => S096, "Use";
        S098 = "resource-with-a-long-name:act-098" => S097, "Use";
        S099 = "resource-with-a-long-name:act-099" => S098, "Use";
        S100 = "resource-with-a-long-name:act-100" => S099, "Use";
        S101 = "resource-with-a-long-name:act-101" => S100, "Use";
        S102 = "resource-with-a-long-name:act-102" => S101, "Use";
        S103 = "resource-with-a-long-name:act-103" => S102, "Use";
        S104 = "resource-with-a-long-name:act-104" => S103, "Use";
        S105 = "resource-with-a-long-name:act-105" => S104, "Use";
        S106 = "resource-with-a-long-name:act-106" => S105, "Use";
        S107 = "resource-with-a-long-name:act-107" => S106, "Use";
        S108 = "resource-with-a-long-name:act-108" => S107, "Use";
        S109 = "resource-with-a-long-name:act-109" => S108, "Use";
        S110 = "resource-with-a-long-name:act-110" => S109, "Use";
        S111 = "resource-with-a-long-name:act-111" => S110, "Use";
        S112 = "resource-with-a-long-name:act-112" => S111, "Use";
        S113 = "resource-with-a-long-name:act-113" => S112, "Use";
        S114 = "resource-with-a-long-name:act-114" => S113, "Use";
        S115 = "resource-with-a-long-name:act-115" => S114, "Use";
        S116 = "resource-with-a-long-name:act-116" => S115, "Use";
        S117 = "resource-with-a-long-name:act-117" => S116, "Use";
        S118 = "resource-with-a-long-name:act-118" => S117, "Use";
        S119 = "resource-with-a-long-name:act-119" => S118, "Use";
        S120 = "resource-with-a-long-name:act-120" => S119, "Use";
        S121 = "resource-with-a-long-name:act-121" => S120, "Use";
        S122 = "resource-with-a-long-name:act-122" => S121, "Use";
        S123 = "resource-with-a-long-name:act-123" => S122, "Use";
        S124 = "resource-with-a-long-name:act-124" => S123, "Use";
        S125 = "resource-with-a-long-name:act-125" => S124, "Use";
        S126 = "resource-with-a-long-name:act-126" => S125, "Use";
        S127 = "resource-with-a-long-name:act-127" => S126, "Use";
        S128 = "resource-with-a-long-name:act-128" => S127, "Use";
        S129 = "resource-with-a-long-name:act-129" => S128, "Use";
        S130 = "resource-with-a-long-name:act-130" => S129, "Use";
        S131 = "resource-with-a-long-name:act-131" => S130, "Use";
        S132 = "resource-with-a-long-name:act-132" => S131, "Use";
        S133 = "resource-with-a-long-name:act-133" => S132, "Use";
        S134 = "resource-with-a-long-name:act-134" => S133, "Use";
        S135 = "resource-with-a-long-name:act-135" => S134, "Use";
        S136 = "resource-with-a-long-name:act-136" => S135, "Use";
        S137 = "resource-with-a-long-name:act-137" => S136, "Use";
        S138 = "resource-with-a-long-name:act-138" => S137, "Use";
        S139 = "resource-with-a-long-name:act-139" => S138, "Use";
        S140 = "resource-with-a-long-name:act-140" => S139, "Use";
        S141 = "resource-with-a-long-name:act-141" => S140, "Use";
        S142 = "resource-with-a-long-name:act-142" => S141, "Use";
        S143 = "resource-with-a-long-name:act-143" => S142, "Use";
        S144 = "resource-with-a-long-name:act-144" => S143, "Use";
        S145 = "resource-with-a-long-name:act-145" => S144, "Use";
        S146 = "resource-with-a-long-name:act-146" => S145, "Use";
        S147 = "resource-with-a-long-name:act-147" => S146, "Use";
        S148 = "resource-with-a-long-name:act-148" => S147, "Use";
        S149 = "resource-with-a-long-name:act-149" => S148, "Use";
        S150 = "resource-with-a-long-name:act-150" => S149, "Use";
        S151 = "resource-with-a-long-name:act-151" => S150, "Use";
        S152 = "resource-with-a-long-name:act-152" => S151, "Use";
        S153 = "resource-with-a-long-name:act-153" => S152, "Use";
        S154 = "resource-with-a-long-name:act-154" => S153, "Use";
        S155 = "resource-with-a-long-name:act-155" => S154, "Use";
        S156 = "resource-with-a-long-name:act-156" => S155, "Use";
        S157 = "resource-with-a-long-name:act-157" => S156, "Use";
        S158 = "resource-with-a-long-name:act-158" => S157, "Use";
        S159 = "resource-with-a-long-name:act-159" => S158, "Use";
        S160 = "resource-with-a-long-name:act-160" => S159, "Use";
        S161 = "resource-with-a-long-name:act-161" => S160, "Use";
        S162 = "resource-with-a-long-name:act-162" => S161, "Use";
        S163 = "resource-with-a-long-name:act-163" => S162, "Use";
        S164 = "resource-with-a-long-name:act-164" => S163, "Use";
        S165 = "resource-with-a-long-name:act-165" => S164, "Use";
        S166 = "resource-with-a-long-name:act-166" => S165, "Use";
        S167 = "resource-with-a-long-name:act-167" => S166, "Use";
        S168 = "resource-with-a-long-name:act-168" => S167, "Use";
        S169 = "resource-with-a-long-name:act-169" => S168, "Use";
        S170 = "resource-with-a-long-name:act-170" => S169, "Use";
        S171 = "resource-with-a-long-name:act-171" => S170, "Use";
        S172 = "resource-with-a-long-name:act-172" => S171, "Use";
        S173 = "resource-with-a-long-name:act-173" => S172, "Use";
        S174 = "resource-with-a-long-name:act-174" => S173, "Use";
        S175 = "resource-with-a-long-name:act-175" => S174, "Use";
        S176 = "resource-with-a-long-name:act-176" => S175, "Use";
        S177 = "resource-with-a-long-name:act-177" => S176, "Use";
        S178 = "resource-with-a-long-name:act-178" => S177, "Use";
        S179 = "resource-with-a-long-name:act-179" => S178, "Use";
        S180 = "resource-with-a-long-name:act-180" => S179, "Use";
        S181 = "resource-with-a-long-name:act-181" => S180, "Use";
        S182 = "resource-with-a-long-name:act-182" => S181, "Use";
        S183 = "resource-with-a-long-name:act-183" => S182, "Use";
        S184 = "resource-with-a-long-name:act-184" => S183, "Use";
        S185 = "resource-with-a-long-name:act-185" => S184, "Use";
        S186 = "resource-with-a-long-name:act-186" => S185, "Use";
        S187 = "resource-with-a-long-name:act-187" => S186, "Use";
        S188 = "resource-with-a-long-name:act-188" => S187, "Use";
        S189 = "resource-with-a-long-name:act-189" => S188, "Use";
        S190 = "resource-with-a-long-name:act-190" => S189, "Use";
        S191 = "resource-with-a-long-name:act-191" => S190, "Use";
        S192 = "resource-with-a-long-name:act-192" => S191, "Use";
        S193 = "resource-with-a-long-name:act-193" => S192, "Use";
        S194 = "resource-with-a-long-name:act-194" => S193, "Use";
        S195 = "resource-with-a-long-name:act-195" => S194, "Use";
        S196 = "resource-with-a-long-name:act-196" => S195, "Use";
        S197 = "resource-with-a-long-name:act-197" => S196, "Use";
        S198 = "resource-with-a-long-name:act-198" => S197, "Use";
        S199 = "resource-with-a-long-name:act-199" => S198, "Use";
        S200 = "resource-with-a-long-name:act-200" => S199, "Use";
        S201 = "resource-with-a-long-name:act-201" => S200, "Use";
        S202 = "resource-with-a-long-name:act-202" => S201, "Use";
        S203 = "resource-with-a-long-name:act-203" => S202, "Use";
        S204 = "resource-with-a-long-name:act-204" => S203, "Use";
        S205 = "resource-with-a-long-name:act-205" => S204, "Use";
        S206 = "resource-with-a-long-name:act-206" => S205, "Use";
        S207 = "resource-with-a-long-name:act-207" => S206, "Use";
        S208 = "resource-with-a-long-name:act-208" => S207, "Use";
        S209 = "resource-with-a-long-name:act-209" => S208, "Use";
        S210 = "resource-with-a-long-name:act-210" => S209, "Use";
        S211 = "resource-with-a-long-name:act-211" => S210, "Use";
        S212 = "resource-with-a-long-name:act-212" => S211, "Use";
        S213 = "resource-with-a-long-name:act-213" => S212, "Use";
        S214 = "resource-with-a-long-name:act-214" => S213, "Use";
        S215 = "resource-with-a-long-name:act-215" => S214, "Use";
        S216 = "resource-with-a-long-name:act-216" => S215, "Use";
        S217 = "resource-with-a-long-name:act-217" => S216, "Use";
        S218 = "resource-with-a-long-name:act-218" => S217, "Use";
        S219 = "resource-with-a-long-name:act-219" => S218, "Use";
        S220 = "resource-with-a-long-name:act-220" => S219, "Use";
        S221 = "resource-with-a-long-name:act-221" => S220, "Use";
        S222 = "resource-with-a-long-name:act-222" => S221, "Use";
        S223 = "resource-with-a-long-name:act-223" => S222, "Use";
        S224 = "resource-with-a-long-name:act-224" => S223, "Use";
        S225 = "resource-with-a-long-name:act-225" => S224, "Use";
        S226 = "resource-with-a-long-name:act-226" => S225, "Use";
        S227 = "resource-with-a-long-name:act-227" => S226, "Use";
        S228 = "resource-with-a-long-name:act-228" => S227, "Use";
        S229 = "resource-with-a-long-name:act-229" => S228, "Use";
        S230 = "resource-with-a-long-name:act-230" => S229, "Use";
        S231 = "resource-with-a-long-name:act-231" => S230, "Use";
        S232 = "resource-with-a-long-name:act-232" => S231, "Use";
        S233 = "resource-with-a-long-name:act-233" => S232, "Use";
        S234 = "resource-with-a-long-name:act-234" => S233, "Use";
        S235 = "resource-with-a-long-name:act-235" => S234, "Use";
        S236 = "resource-with-a-long-name:act-236" => S235, "Use";
        S237 = "resource-with-a-long-name:act-237" => S236, "Use";
        S238 = "resource-with-a-long-name:act-238" => S237, "Use";
        S239 = "resource-with-a-long-name:act-239" => S238, "Use";
        S240 = "resource-with-a-long-name:act-240" => S239, "Use";
        S241 = "resource-with-a-long-name:act-241" => S240, "Use";
        S242 = "resource-with-a-long-name:act-242" => S241, "Use";
        S243 = "resource-with-a-long-name:act-243" => S242, "Use";
        S244 = "resource-with-a-long-name:act-244" => S243, "Use";
        S245 = "resource-with-a-long-name:act-245" => S244, "Use";
        S246 = "resource-with-a-long-name:act-246" => S245, "Use";
        S247 = "resource-with-a-long-name:act-247" => S246, "Use";
        S248 = "resource-with-a-long-name:act-248" => S247, "Use";
        S249 = "resource-with-a-long-name:act-249" => S248, "Use";
        S250 = "resource-with-a-long-name:act-250" => S249, "Use";
        S251 = "resource-with-a-long-name:act-251" => S250, "Use";
        S252 = "resource-with-a-long-name:act-252" => S251, "Use";
        S253 = "resource-with-a-long-name:act-253" => S252, "Use";
        S254 = "resource-with-a-long-name:act-254" => S253, "Use";
        S255 = "resource-with-a-long-name:act-255" => S254, "Use";
    }
}

#[test]
fn two_hundred_and_fifty_six_scopes_compile_and_the_last_implies_all() {
    let catalogue = Large::catalogue();
    assert_eq!(catalogue.len(), 256);
    assert_eq!(catalogue.set([Large::S255]).unwrap(), catalogue.all());
    assert_eq!(catalogue.all().len(), 256);
    assert_eq!(catalogue.set([Large::S128]).unwrap().len(), 129);
    assert!(catalogue.minimal(&catalogue.all()).eq([&Large::S255]));
    assert_eq!(
        catalogue.revoke(&catalogue.all(), &Large::S000).unwrap(),
        ScopeSet::EMPTY
    );
}
