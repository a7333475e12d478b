{{- define "vllm-autoscaler.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "vllm-autoscaler.fullname" -}}
{{- $name := include "vllm-autoscaler.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "vllm-autoscaler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "vllm-autoscaler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end }}

{{- define "vllm-autoscaler.labels" -}}
{{ include "vllm-autoscaler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "vllm-autoscaler.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "vllm-autoscaler.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "vllm-autoscaler.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The config file as text. */}}
{{- define "vllm-autoscaler.configText" -}}
{{- if not .Values.config -}}
{{ .Files.Get "files/config.yaml" }}
{{- else if kindIs "string" .Values.config -}}
{{ .Values.config }}
{{- else -}}
{{ toYaml .Values.config }}
{{- end -}}
{{- end }}

{{/* It as JSON; whether it is a good one, the gateway says better. */}}
{{- define "vllm-autoscaler.config" -}}
{{- $config := include "vllm-autoscaler.configText" . | fromYaml -}}
{{- if hasKey $config "Error" }}{{ fail (printf "config: %v" $config.Error) }}{{ end -}}
{{ toJson $config }}
{{- end }}

{{- define "vllm-autoscaler.server" -}}
{{ (include "vllm-autoscaler.config" . | fromJson).server | default dict | toJson }}
{{- end }}

{{/* Where models are that name no namespace, and the Leases. */}}
{{- define "vllm-autoscaler.home" -}}
{{ ((include "vllm-autoscaler.config" . | fromJson).kubernetes | default dict).namespace | default .Release.Namespace }}
{{- end }}

{{/* Non-empty if a client's key is in the text, and not in a variable or a file. */}}
{{- define "vllm-autoscaler.holdsKeys" -}}
{{- range (include "vllm-autoscaler.server" . | fromJson).keys -}}
{{- if and .key (not (contains "${" .key)) }}yes{{ end -}}
{{- end -}}
{{- end }}

{{- define "vllm-autoscaler.port" -}}
{{ (include "vllm-autoscaler.server" . | fromJson).listen | default "0.0.0.0:8080" | toString | regexFind "[0-9]+$" | default "8080" }}
{{- end }}

{{/* Empty if nobody but the pod itself reaches the operator surface. */}}
{{- define "vllm-autoscaler.operatorPort" -}}
{{- $operator := (include "vllm-autoscaler.server" . | fromJson).operator | default "" | toString -}}
{{- if not (regexMatch "^(localhost|127\\.|\\[::1\\])" $operator) -}}
{{ regexFind "[0-9]+$" $operator }}
{{- end -}}
{{- end }}

{{/* Of a duration such as 1m30s. */}}
{{- define "vllm-autoscaler.seconds" -}}
{{- $sum := 0.0 -}}
{{- $text := . -}}
{{- range $unit, $each := dict "h" 3600 "m" 60 "s" 1 "ms" 0.001 -}}
{{- $part := regexFind (printf "[0-9.]+%s([0-9]|$)" $unit) $text -}}
{{- if $part }}{{ $sum = addf $sum (mulf $each (regexFind "[0-9.]+" $part | float64)) }}{{ end -}}
{{- end -}}
{{ $sum }}
{{- end }}

{{/* Longer than both together: from the last answer to the end of the process, and some for a busy node. */}}
{{- define "vllm-autoscaler.gracePeriod" -}}
{{- $server := include "vllm-autoscaler.server" . | fromJson -}}
{{- $delay := include "vllm-autoscaler.seconds" ($server.shutdownDelay | default "5s" | toString) -}}
{{- $drain := include "vllm-autoscaler.seconds" ($server.drainTimeout | default "60s" | toString) -}}
{{ .Values.terminationGracePeriodSeconds | default (add (ceil (addf (float64 $delay) (float64 $drain))) 10) }}
{{- end }}
