/**
 * Where our messages differ from the Go MeshSync's on purpose: each golden vector concerned, the rule that covers it, and the members of
 * `Object` that have another value here (or that are absent here). Everything else of these messages is equal.
 */

/**
 * `design`: `pattern_resource` is the UUID that the design label spells, or all-zero; the Go MeshSync takes the label's characters for bytes.
 * `leak`: members of an object's own that the Go MeshSync lets into the envelope (`id`, `model`, `component_metadata`, `pattern_resource`,
 * `spec.id`, `status.id`, `metadata.id`, members of another letter case) do not get there.
 * `redaction`: the copy of a Secret's values in the last-applied annotation is redacted too.
 * `number`: numbers keep the server's spelling instead of passing through doubles.
 */
export type Rule = "design" | "leak" | "redaction" | "number"

export interface Deviation {
  readonly rule: Rule
  /** The vector's id; ` redacted` behind it where the vector was recorded with redaction on. */
  readonly vector: string
  /** Paths below `Object` with our values. */
  readonly set: Readonly<Record<string, string | null>>
  /** Paths that are absent here. */
  readonly drop?: ReadonlyArray<string>
}

const zero = "00000000-0000-0000-0000-000000000000"

export const deviations: ReadonlyArray<Deviation> = [
  { rule: "design", vector: "Deployment/agile-otter/nginx@1367", set: { pattern_resource: zero } },
  { rule: "design", vector: "Deployment/agile-otter/nginx@1338", set: { pattern_resource: zero } },
  { rule: "design", vector: "Deployment/agile-otter/nginx@641", set: { pattern_resource: zero } },
  { rule: "design", vector: "Deployment/agile-otter/nginx@1183", set: { pattern_resource: zero } },
  { rule: "design", vector: "Deployment/agile-otter/nginx@1768", set: { pattern_resource: zero } },
  { rule: "design", vector: "Deployment/agile-otter/nginx@1090", set: { pattern_resource: zero } },
  { rule: "design", vector: "Deployment/shop/web@1580", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Deployment/shop/web@613", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Deployment/shop/web@1077", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Deployment/shop/web@1078", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "StorageClass//fast@1464", set: { pattern_resource: zero } },
  { rule: "design", vector: "StorageClass//fast@1994", set: { pattern_resource: zero } },
  { rule: "design", vector: "StorageClass//fast@653", set: { pattern_resource: zero } },
  { rule: "design", vector: "StorageClass//fast@1240", set: { pattern_resource: zero } },
  { rule: "design", vector: "StorageClass//fast@1810", set: { pattern_resource: zero } },
  { rule: "design", vector: "Service/edge-cases/c443@686", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Service/edge-cases/c443@1139", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Widget/shop/gen-7bz9s@1853", set: { pattern_resource: zero } },
  { rule: "design", vector: "Widget/shop/gen-v2mk6@1310", set: { pattern_resource: zero } },
  { rule: "design", vector: "Widget/shop/m-label32@859", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Widget/shop/m-label32@1304", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Widget/shop/m-label36@855", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Widget/shop/m-label36@1302", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "design", vector: "Widget/shop/m-labels@854", set: { pattern_resource: zero } },
  { rule: "design", vector: "Widget/shop/patandlabel@870", set: { pattern_resource: zero } },
  { rule: "design", vector: "Thing/syn/design-16hi@1031", set: { pattern_resource: zero } },
  { rule: "design", vector: "Thing/syn/design-utf8-16@1029", set: { pattern_resource: zero } },
  { rule: "design", vector: "Thing/syn/labels-odd@1023", set: { pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c" } },
  { rule: "leak", vector: "Sheep/shop/one@875", set: { "spec.id": "" } },
  { rule: "leak", vector: "Galaxy//one@1311", set: { "status.id": "" } },
  { rule: "leak", vector: "Widget/shop/casekeys@845", set: {}, drop: ["spec", "status", "type"] },
  { rule: "leak", vector: "Widget/shop/cm@1529", set: { component_metadata: null } },
  { rule: "leak", vector: "Widget/shop/cm@808", set: { component_metadata: null } },
  { rule: "leak", vector: "Widget/shop/cm@1286", set: { component_metadata: null } },
  { rule: "leak", vector: "Widget/shop/cmempty@811", set: { component_metadata: null } },
  { rule: "leak", vector: "Widget/shop/cmempty@1287", set: { component_metadata: null } },
  { rule: "leak", vector: "Widget/shop/cmstr@809", set: { id: "" } },
  { rule: "leak", vector: "Widget/shop/patbrace@817", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patbrace@1289", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patcase@823", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patcase@1291", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patnum@820", set: { model: "", "spec.id": "", pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patnum@1290", set: { model: "", "spec.id": "", pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patobj@821", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patok@814", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patok@1288", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/patup@815", set: { pattern_resource: null } },
  { rule: "leak", vector: "Widget/shop/specid@768", set: { "spec.id": "", "status.id": "" } },
  { rule: "leak", vector: "Widget/shop/specidesc@801", set: { "spec.id": "" } },
  { rule: "leak", vector: "Widget/shop/specidesc@1259", set: { "spec.id": "" } },
  { rule: "leak", vector: "Widget/shop/specidnull@799", set: { "spec.id": "", "status.id": "" } },
  { rule: "leak", vector: "Widget/shop/specidnull@1283", set: { "spec.id": "", "status.id": "" } },
  { rule: "leak", vector: "Widget/shop/statusid@796", set: { "status.id": "" } },
  { rule: "leak", vector: "Widget/shop/statusid@1282", set: { "status.id": "" } },
  { rule: "leak", vector: "Widget/shop/topid@803", set: { id: "", model: "" } },
  { rule: "leak", vector: "Widget/shop/toplevel@769", set: { id: "", model: "", pattern_resource: null, component_metadata: null } },
  {
    rule: "leak",
    vector: "Widget/shop/toplevel@1089",
    set: { id: "", model: "", pattern_resource: "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c", component_metadata: null },
  },
  { rule: "leak", vector: "Thing/syn/meta-wrong@1022", set: { "metadata.id": "", "metadata.cluster_id": "" } },
  {
    rule: "redaction",
    vector: "Secret/edge-cases/basic@1475 redacted",
    set: {
      "metadata.annotations.0.value": String.raw`{\"apiVersion\":\"v1\",\"immutable\":true,\"kind\":\"Secret\",\"metadata\":{\"annotations\":{},\"labels\":{\"e\":\"\"},\"name\":\"basic\",\"namespace\":\"edge-cases\"},\"stringData\":{\"password\":\"[REDACTED]\",\"username\":\"[REDACTED]\"},\"type\":\"kubernetes.io/basic-auth\"}\n`,
    },
  },
  {
    rule: "redaction",
    vector: "Secret/edge-cases/basic@1713 redacted",
    set: {
      "metadata.annotations.0.value": String.raw`{\"apiVersion\":\"v1\",\"immutable\":true,\"kind\":\"Secret\",\"metadata\":{\"annotations\":{},\"labels\":{\"e\":\"\"},\"name\":\"basic\",\"namespace\":\"edge-cases\"},\"stringData\":{\"password\":\"[REDACTED]\",\"username\":\"[REDACTED]\"},\"type\":\"kubernetes.io/basic-auth\"}\n`,
    },
  },
  {
    rule: "redaction",
    vector: "Secret/edge-cases/emptyvals@680 redacted",
    set: {
      "metadata.annotations.0.value": String.raw`{\"apiVersion\":\"v1\",\"data\":{\"a\":\"[REDACTED]\",\"b\":\"[REDACTED]\"},\"kind\":\"Secret\",\"metadata\":{\"annotations\":{},\"name\":\"emptyvals\",\"namespace\":\"edge-cases\"}}\n`,
    },
  },
  {
    rule: "redaction",
    vector: "Secret/edge-cases/tls@1474 redacted",
    set: {
      "metadata.annotations.0.value": String.raw`{\"apiVersion\":\"v1\",\"data\":{\"tls.crt\":\"[REDACTED]\",\"tls.key\":\"[REDACTED]\"},\"kind\":\"Secret\",\"metadata\":{\"annotations\":{},\"name\":\"tls\",\"namespace\":\"edge-cases\"},\"type\":\"kubernetes.io/tls\"}\n`,
    },
  },
  {
    rule: "redaction",
    vector: "Secret/edge-cases/tls@1714 redacted",
    set: {
      "metadata.annotations.0.value": String.raw`{\"apiVersion\":\"v1\",\"data\":{\"tls.crt\":\"[REDACTED]\",\"tls.key\":\"[REDACTED]\"},\"kind\":\"Secret\",\"metadata\":{\"annotations\":{},\"name\":\"tls\",\"namespace\":\"edge-cases\"},\"type\":\"kubernetes.io/tls\"}\n`,
    },
  },
  {
    rule: "redaction",
    vector: "Secret/shop/regcred@677 redacted",
    set: {
      "metadata.annotations.0.value": String.raw`{\"apiVersion\":\"v1\",\"data\":{\".dockerconfigjson\":\"[REDACTED]\"},\"kind\":\"Secret\",\"metadata\":{\"annotations\":{},\"name\":\"regcred\",\"namespace\":\"shop\"},\"type\":\"kubernetes.io/dockerconfigjson\"}\n`,
    },
  },
  {
    rule: "redaction",
    vector: "Secret/shop/s@1913 redacted",
    set: {
      "metadata.annotations.0.value": String.raw`{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"annotations\":{},\"finalizers\":[\"x.io/f\"],\"name\":\"s\",\"namespace\":\"shop\",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"owner\",\"uid\":\"11111111-2222-3333-4444-555555555555\"}]},\"stringData\":{\"pw\":\"[REDACTED]\"}}\n`,
    },
  },
  { rule: "number", vector: "Thing/syn/annos-nonstring@1026", set: { "metadata.annotations.1.value": "1.50" } },
  { rule: "number", vector: "Thing/syn/data-num@1064", set: { binaryData: "1e3" } },
  {
    rule: "number",
    vector: "Thing/syn/num-forms@1001",
    set: {
      "spec.attribute": String.raw`{"a":1.0,"b":1e3,"c":1E+2,"d":-0,"e":-0.0,"f":1.50,"g":100000000000000000000,"h":1e21,"i":1e-7,"j":0.000001,"k":9007199254740993,"l":9007199254740993.0,"m":9223372036854775807,"n":9223372036854775808,"o":-9223372036854775808,"p":-9223372036854775809,"q":123456789012345678901234567890,"r":5e-324,"s":1.7976931348623157e308,"t":0.1e1,"u":12e-1}`,
    },
  },
  {
    rule: "number",
    vector: "Thing/syn/num-forms@2001",
    set: {
      "spec.attribute": String.raw`{"a":2.0,"b":1e3,"c":1E+2,"d":-0,"e":-0.0,"f":1.50,"g":100000000000000000000,"h":1e21,"i":1e-7,"j":0.000001,"k":9007199254740993,"l":9007199254740993.0,"m":9223372036854775807,"n":9223372036854775808,"o":-9223372036854775808,"p":-9223372036854775809,"q":123456789012345678901234567890,"r":5e-324,"s":1.7976931348623157e308,"t":0.1e1,"u":12e-1}`,
    },
  },
  { rule: "number", vector: "Thing/syn/type-num@1063", set: { type: "1.0" } },
]
