metadata description = 'Key Vault for the Slack secrets; the bot may read them, and nobody else here.'

param name string
param location string
param tags object

@description('Subnet of the private endpoint; empty for none.')
param subnetId string

@description('Disabled with a private endpoint, Enabled without: Entra ID alone stands in front then.')
param publicAccess string

param dnsZoneId string
param botPrincipalId string
param workspaceId string

@secure()
param slackBotToken string

@secure()
param slackAppToken string

@secure()
param slackSigningSecret string

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

// Written by Resource Manager, so it works while the vault's network is closed.
resource botToken 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (slackBotToken != '') {
  // checkov:skip=CKV_AZURE_41: Slack's tokens have no end; they are rotated by hand, see deploy/README.md
  // checkov:skip=CKV_AZURE_114: it is set; checkov does not look into a conditional resource
  parent: vault
  name: 'slack-bot-token'
  properties: {
    value: slackBotToken
    contentType: 'xoxb-'
  }
}

resource appToken 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (slackAppToken != '') {
  // checkov:skip=CKV_AZURE_41: Slack's tokens have no end; they are rotated by hand, see deploy/README.md
  // checkov:skip=CKV_AZURE_114: it is set; checkov does not look into a conditional resource
  parent: vault
  name: 'slack-app-token'
  properties: {
    value: slackAppToken
    contentType: 'xapp-'
  }
}

resource signingSecret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (slackSigningSecret != '') {
  // checkov:skip=CKV_AZURE_41: Slack's tokens have no end; they are rotated by hand, see deploy/README.md
  // checkov:skip=CKV_AZURE_114: it is set; checkov does not look into a conditional resource
  parent: vault
  name: 'slack-signing-secret'
  properties: {
    value: slackSigningSecret
    contentType: 'text/plain'
  }
}

resource right 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, 'bot', secretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: botPrincipalId
    principalType: 'ServicePrincipal'
  }
}

module endpoint 'private-endpoint.bicep' = if (subnetId != '') {
  name: 'startgate-vault-endpoint'
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

output name string = vault.name
output uri string = vault.properties.vaultUri
