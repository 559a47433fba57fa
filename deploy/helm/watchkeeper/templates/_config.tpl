{{/* watchkeeper.yaml: what the chart knows, under what .Values.config says. */}}
{{- define "watchkeeper.config" -}}
{{- $folders := dict -}}
{{- range $kind := splitList " " (include "watchkeeper.kinds" .) -}}
{{- if index $.Values.files $kind -}}
{{- $_ := set $folders $kind (printf "/etc/watchkeeper/documents/%s" $kind) -}}
{{- end -}}
{{- end -}}
{{- $admin := dict "name" "admin" "role" "admin" "file" "/run/secrets/watchkeeper/api/token" -}}
{{- $http := dict "listen" ":7777" "tokens" (concat (list $admin) .Values.api.tokens) -}}
{{- $policyNamespaces := default (list .Release.Namespace) .Values.customResources.policyNamespaces -}}
{{- if .Values.customResources.enabled -}}
{{- $_ := set $folders "kubernetes" (dict "namespaces" .Values.customResources.namespaces "policyNamespaces" $policyNamespaces) -}}
{{- end -}}
{{- $ledger := dict "origin" (default (printf "%s/%s" .Release.Namespace (include "watchkeeper.fullname" .)) .Values.ledger.origin) -}}
{{- if .Values.ledger.existingSecret -}}
{{- $_ := set $ledger "keyFile" "/run/secrets/watchkeeper/ledger/ledger.key" -}}
{{- end -}}
{{- $config := dict "resources" $folders "http" $http "ledger" $ledger -}}
{{- $source := dict "id" .Values.cluster "kind" "kubernetes" -}}
{{- with .Values.watch.namespaces -}}
{{- $_ := set $source "namespaces" . -}}
{{- end -}}
{{- if .Values.watch.secrets -}}
{{- $_ := set $source "secrets" true -}}
{{- $_ := set $source "helm" true -}}
{{- end -}}
{{- $_ := set $config "sources" (list $source) -}}
{{- if .Values.operator.enabled -}}
{{- $account := dict "namespace" .Release.Namespace "name" (printf "%s-operator" (include "watchkeeper.fullname" .)) -}}
{{- $hand := dict "cluster" .Values.cluster "serviceAccount" $account -}}
{{- $_ := set $config "operators" (dict "kubernetes" (list $hand)) -}}
{{- end -}}
{{- if eq .Values.store.kind "postgres" -}}
{{- $pg := .Values.store.postgres -}}
{{- $store := dict "kind" "postgres" "host" $pg.host "port" $pg.port "database" $pg.database "user" $pg.user "schema" $pg.schema -}}
{{- if $pg.existingSecret -}}
{{- $_ := set $store "password" (dict "file" "/run/secrets/watchkeeper/store/password") -}}
{{- end -}}
{{- if $pg.caConfigMap -}}
{{- $_ := set $store "tls" (dict "ca" "/etc/watchkeeper/store/ca.crt") -}}
{{- end -}}
{{- $_ := set $config "store" $store -}}
{{- $lease := dict "namespace" .Release.Namespace "lease" (include "watchkeeper.fullname" .) -}}
{{- $_ := set $config "leadership" (dict "kubernetes" $lease) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $config (deepCopy .Values.config)) -}}
{{- end -}}
