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
  verbs: [create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}

{{/* What a run's driver may do: say how it goes. */}}
{{- define "preceptor.driverRules" -}}
- apiGroups: [preceptor.dev]
  resources: [specializations/status]
  verbs: [patch]
{{- end -}}
