{{/*
What the operator may do where runs are. It never reads Secrets: pods mount them by name. A test keeps these rules equal to what
preceptor_operator says it needs.
*/}}
{{- define "preceptor.rules" -}}
- apiGroups: [preceptor.dev]
  resources: [specializations]
  verbs: [get, list, watch, delete]
- apiGroups: [preceptor.dev]
  resources: [specializations/status]
  verbs: [patch]
- apiGroups: [ray.io]
  resources: [rayjobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* What a run's driver may do: read its own object and say how it goes. */}}
{{- define "preceptor.driverRules" -}}
- apiGroups: [preceptor.dev]
  resources: [specializations]
  verbs: [get]
- apiGroups: [preceptor.dev]
  resources: [specializations/status]
  verbs: [patch]
{{- end -}}
