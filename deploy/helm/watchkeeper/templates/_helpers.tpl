{{- define "watchkeeper.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "watchkeeper.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "watchkeeper.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "watchkeeper.selector" -}}
app.kubernetes.io/name: {{ include "watchkeeper.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "watchkeeper.labels" -}}
{{ include "watchkeeper.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "watchkeeper.serviceAccount" -}}
{{- default (include "watchkeeper.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "watchkeeper.apiSecret" -}}
{{- default (printf "%s-api" (include "watchkeeper.fullname" .)) .Values.api.existingSecret -}}
{{- end -}}

{{- define "watchkeeper.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The file names of resource documents by kind, as ConfigMap keys: `policies.prod.yaml`. */}}
{{- define "watchkeeper.kinds" -}}
services detectors runbooks policies escalations
{{- end -}}

{{/* What only a mistake asks for is refused here, in words. */}}
{{- define "watchkeeper.check" -}}
{{- if and (gt (int .Values.replicas) 1) (ne .Values.store.kind "postgres") -}}
{{- fail "replicas above 1 need store.kind: postgres: a store of its own is one daemon's" -}}
{{- end -}}
{{- if and (eq .Values.store.kind "postgres") (not .Values.store.postgres.host) -}}
{{- fail "store.kind: postgres needs store.postgres.host" -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.ledger.existingSecret) -}}
{{- fail "replicas above 1 need ledger.existingSecret: they write one ledger, signed with one key" -}}
{{- end -}}
{{- if and .Values.operator.enabled (not .Values.operator.permissions.cluster) (not .Values.operator.permissions.namespaces) -}}
{{- fail "operator.enabled needs operator.permissions: the output of watchkeeper permissions kubernetes --output json" -}}
{{- end -}}
{{- end -}}
