{{/* Name of the chart's objects: at most 50 characters, because suffixes follow. */}}
{{- define "preceptor.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects the operator's pods; it never changes, because a Deployment's selector cannot. */}}
{{- define "preceptor.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "preceptor.labels" -}}
{{ include "preceptor.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: preceptor
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "preceptor.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "preceptor.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name must be set when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The operator's image, by digest where one is given. */}}
{{- define "preceptor.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Namespace of the Lease. */}}
{{- define "preceptor.leaseNamespace" -}}
{{- default .Release.Namespace .Values.settings.election.namespace -}}
{{- end -}}

{{/* Namespaces in which runs may be, as JSON. */}}
{{- define "preceptor.driverNamespaces" -}}
{{- .Values.driver.namespaces | default .Values.settings.namespaces | default (list .Release.Namespace) | uniq | toJson -}}
{{- end -}}
