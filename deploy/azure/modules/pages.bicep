metadata description = 'Key Vault for what calls on-call outside Slack; the workers may read it, and the bot may not.'

param name string
param location string
param tags object

@description('Subnet of the private endpoint; empty for none.')
param subnetId string

@description('Disabled with a private endpoint, Enabled without: Entra ID alone stands in front then.')
param publicAccess string

param dnsZoneId string
param workersPrincipalId string
param workspaceId string

@secure()
param pagerDutyRoutingKey string

@secure()
param pageWebhookSecret string

// Key Vault Secrets User: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  // checkov:skip=CKV_AZURE_109: closed by default; opened only with privateNetwork=false, which says so
  // checkov:skip=CKV_AZURE_189: the same
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
    publicNetworkAccess: publicAccess
    networkAcls: {
      defaultAction: publicAccess == 'Enabled' ? 'Allow' : 'Deny'
      bypass: 'AzureServices'
    }
  }
}

resource routingKey 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (pagerDutyRoutingKey != '') {
  // checkov:skip=CKV_AZURE_41: PagerDuty's keys have no end; they are rotated by hand, see deploy/README.md
  // checkov:skip=CKV_AZURE_114: it is set; checkov does not look into a conditional resource
  parent: vault
  name: 'pagerduty-routing-key'
  properties: {
    value: pagerDutyRoutingKey
    contentType: 'text/plain'
  }
}

resource webhookSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (pageWebhookSecret != '') {
  // checkov:skip=CKV_AZURE_41: made by hand, without an end; rotated by hand, see deploy/README.md
  // checkov:skip=CKV_AZURE_114: it is set; checkov does not look into a conditional resource
  parent: vault
  name: 'page-webhook-secret'
  properties: {
    value: pageWebhookSecret
    contentType: 'text/plain'
  }
}

resource right 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, 'workers', secretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: workersPrincipalId
    principalType: 'ServicePrincipal'
  }
}

module endpoint 'private-endpoint.bicep' = if (subnetId != '') {
  name: 'startgate-pages-endpoint'
  params: {
    name: 'pe-${name}'
    location: location
    tags: tags
    subnetId: subnetId
    resourceId: vault.id
    part: 'vault'
    dnsZoneId: dnsZoneId
  }
}

resource kept 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

output uri string = vault.properties.vaultUri
